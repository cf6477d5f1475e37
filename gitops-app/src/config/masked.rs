//! What no picture of a line shows.

/// The line with another character for each one of what is likely a secret in a URL: users and passwords, and values of a
/// query. So no picture and no document shows it, whatever fault is on the line.
pub fn masked(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut shown = chars.clone();
    let ends = |c: char| c.is_whitespace() || "\"'`,}]".contains(c);
    let mut at = 0;
    while let Some(found) = chars[at..].windows(3).position(|three| three == [':', '/', '/']) {
        let start = at + found + 3;
        let end = chars[start..].iter().position(|c| ends(*c)).map_or(chars.len(), |end| start + end);
        let path = chars[start..end].iter().position(|c| *c == '/').map_or(end, |path| start + path);
        let is_http = line.chars().take(start).collect::<String>().to_ascii_lowercase().contains("http");
        if let Some(user) = chars[start..path].iter().rposition(|c| *c == '@') {
            let user = start..start + user;
            if is_http || chars[user.clone()].contains(&':') {
                shown[user].fill('*');
            }
        }
        if let Some(query) = chars[start..end].iter().position(|c| *c == '?' || *c == '#') {
            shown[start + query + 1..end].fill('*');
        }
        at = end;
    }
    shown.into_iter().collect()
}
