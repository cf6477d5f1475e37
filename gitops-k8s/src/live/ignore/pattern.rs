/// A name in which `*` stands for any text and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<char>);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Whether a name is one of those meant. In linear space and, at worst, quadratic time.
    pub fn fits(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut on, mut star) = (0, 0, None);
        while on < name.len() {
            match self.0.get(at) {
                Some('*') => {
                    star = Some((at, on));
                    at += 1;
                }
                Some('?') => (at, on) = (at + 1, on + 1),
                Some(char) if *char == name[on] => (at, on) = (at + 1, on + 1),
                // The last `*` takes one character more.
                _ => match star {
                    Some((before, taken)) => {
                        star = Some((before, taken + 1));
                        (at, on) = (before + 1, taken + 1);
                    }
                    None => return false,
                },
            }
        }
        self.0[at..].iter().all(|char| *char == '*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, by trying everything.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|taken| naive(rest, &name[taken..])),
            ['?', rest @ ..] => !name.is_empty() && naive(rest, &name[1..]),
            [char, rest @ ..] => name.first() == Some(char) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_trying_everything_fits(pattern in "[ab?*]{0,6}", name in "[ab]{0,8}") {
            let [chars, of_name] = [&pattern, &name].map(|text| text.chars().collect::<Vec<_>>());
            prop_assert_eq!(Pattern::new(&pattern).fits(&name), naive(&chars, &of_name));
        }
    }
}
