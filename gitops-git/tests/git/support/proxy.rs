use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What a proxy does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Cuts it after the server sent so many bytes.
    CutAfter(usize),
    /// Hands on so many bytes of the server's, then nothing more, and keeps it open.
    StallAfter(usize),
}

/// A port of this machine in front of a server behind a Unix socket, which can spoil connections.
pub struct Proxy {
    port: u16,
    fault: Arc<Mutex<Fault>>,
}

impl Proxy {
    pub fn before(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new(Fault::None));
        let (socket, shared) = (socket.to_owned(), Arc::clone(&fault));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (socket, shared) = (socket.clone(), Arc::clone(&shared));
                std::thread::spawn(move || pass(connection.unwrap(), &socket, &shared));
            }
        });
        Self { port, fault }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is done to the connections from now on.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

fn pass(client: TcpStream, socket: &PathBuf, fault: &Mutex<Fault>) {
    let Ok(server) = UnixStream::connect(socket) else { return };
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        // Either side may have gone; the other notices by itself.
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    answer(server, client, fault);
}

/// Hands on what the server sends, as far as the fault lets it.
fn answer(mut server: UnixStream, mut client: TcpStream, fault: &Mutex<Fault>) {
    let mut sent = 0;
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        let fault = *fault.lock().unwrap();
        sent += count;
        match fault {
            Fault::CutAfter(limit) if sent > limit => break,
            Fault::StallAfter(limit) if sent > limit => {}
            _ if client.write_all(&buffer[..count]).is_err() => break,
            _ => {}
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
