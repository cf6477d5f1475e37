//! The in-house key-value service: `kv-server [ADDRESS]` prints the address that it listens on and serves until it is
//! killed. Everything is in memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};

use custom_backend::protocol::{Item, Reply, Request};

type Items = BTreeMap<String, (u64, Item)>;

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    let (mut items, mut version) = (Items::new(), 0);
    for stream in listener.incoming() {
        if let Err(error) = stream.and_then(|stream| serve(stream, &mut items, &mut version)) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn serve(mut stream: TcpStream, items: &mut Items, version: &mut u64) -> Result<()> {
    let mut line = String::new();
    BufReader::new(stream.try_clone()?.take(1 << 20)).read_line(&mut line)?;
    let reply = answer(serde_json::from_str(&line)?, items, version);
    writeln!(stream, "{}", serde_json::to_string(&reply)?)
}

fn answer(request: Request, items: &mut Items, version: &mut u64) -> Reply {
    match request {
        Request::Get { name } => match items.get(&name) {
            Some((version, item)) => Reply::Item { version: *version, item: item.clone() },
            None => Reply::Nothing,
        },
        Request::Put { name, expect, item } => {
            if items.get(&name).map(|(version, _)| *version) != expect {
                return Reply::Moved;
            }
            *version += 1;
            items.insert(name, (*version, item));
            Reply::Done { version: *version }
        }
        Request::Remove { name, expect } => {
            if items.get(&name).map(|(version, _)| *version) != Some(expect) {
                return Reply::Moved;
            }
            items.remove(&name);
            Reply::Done { version: 0 }
        }
        Request::All { requests } => {
            let replies = requests.into_iter().map(|request| answer(request, items, version));
            Reply::All { replies: replies.collect() }
        }
    }
}
