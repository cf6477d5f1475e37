//! Writes the examples of all parsers, each into a folder of the parser's name, and prints the names.

use std::path::PathBuf;
use std::{env, fs, io};

use gitops_parsers::PARSERS;

fn main() -> io::Result<()> {
    let root = env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| io::Error::other("name a folder"))?;
    for parser in PARSERS {
        let folder = root.join(parser.name);
        fs::create_dir_all(&folder)?;
        for (index, example) in (parser.examples)().iter().enumerate() {
            fs::write(folder.join(format!("example-{index}")), example)?;
        }
        println!("{}", parser.name);
    }
    Ok(())
}
