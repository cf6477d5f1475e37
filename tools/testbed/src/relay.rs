//! A relay in front of a server that fails on purpose: it refuses connections, answers in the server's place, loses answers
//! or cuts them short.

use std::collections::BTreeSet;
use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What goes wrong with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens.
    Closed,
    /// This is answered, and the server sees nothing of it.
    Answer(Vec<u8>),
    /// The request reaches the server, and its answer is lost.
    Lost,
    /// Half of the answer comes, then the connection ends.
    Cut,
    /// The request reaches the server only after [`Relay::let_go`]; the client gets no answer.
    Late,
}

/// A relay on loopback, one request a connection. It ends with the value.
pub struct Relay {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    server: SocketAddr,
    /// Whether these bytes of a client are a request, and not its greeting.
    is_request: fn(&[u8]) -> bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    all: Option<Trouble>,
    /// After so many connections, one with this trouble.
    one: Option<(usize, Trouble)>,
    late: Vec<(TcpStream, Vec<u8>)>,
    /// How many connections are being relayed.
    under_way: usize,
    /// Our own connections that only ask whether all before them were taken.
    markers: BTreeSet<SocketAddr>,
    is_listening: bool,
    is_over: bool,
}

impl Relay {
    /// A relay to a server; `is_request` tells a client's request from its greeting.
    pub fn start(server: SocketAddr, is_request: fn(&[u8]) -> bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Mutex::new(State { is_listening: true, ..State::default() });
        let inner = Arc::new(Inner { server, is_request, state, changed: Condvar::new() });
        let accepting = inner.clone();
        thread::spawn(move || accepting.serve(address, listener));
        Self { address, inner }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every connection from now on has this trouble.
    pub fn trouble(&self, trouble: Trouble) {
        self.set(|state| state.all = Some(trouble));
    }

    /// After so many connections, the next one has this trouble, and those after it have none. A closed relay stays
    /// closed until it is [mended](Self::mend).
    pub fn trouble_at(&self, passing: usize, trouble: Trouble) {
        self.set(|state| state.one = Some((passing, trouble)));
    }

    /// No more trouble.
    pub fn mend(&self) {
        self.set(|state| (state.all, state.one) = (None, None));
    }

    /// The requests that were [late](Trouble::Late) reach the server now, one after another.
    pub fn let_go(&self) {
        let late = std::mem::take(&mut self.inner.lock().late);
        for (mut server, request) in late {
            server.write_all(&request).unwrap();
            let mut answer = Vec::new();
            let _ = server.read_to_end(&mut answer);
        }
    }

    /// Waits until each connection that was made before was relayed to its end, also of clients that are gone: what they sent
    /// has reached the server by then, except what is [late](Trouble::Late).
    pub fn settle(&self) {
        let mut state = self.inner.lock();
        // Connections are taken in their order. Nobody takes this one before the lock is given up.
        if let Some(marker) =
            TcpStream::connect(self.address).ok().and_then(|marker| marker.local_addr().ok())
        {
            state.markers.insert(marker);
        }
        let is_busy = |state: &mut State| state.under_way > 0 || !state.markers.is_empty();
        drop(self.inner.changed.wait_while(state, is_busy).unwrap());
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.inner.lock();
        change(&mut state);
        let is_closed = state.is_closed();
        // The thread that accepts looks at the state after each connection.
        if state.is_listening == is_closed {
            self.inner.changed.notify_all();
            if is_closed {
                drop(TcpStream::connect(self.address));
            }
            let wait = |state: &mut State| state.is_listening == is_closed;
            drop(self.inner.changed.wait_while(state, wait).unwrap());
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.inner.lock().is_over = true;
        self.inner.changed.notify_all();
        drop(TcpStream::connect(self.address));
    }
}

impl State {
    fn is_closed(&self) -> bool {
        let closes = |trouble: &Trouble| *trouble == Trouble::Closed;
        self.all.as_ref().is_some_and(closes) || matches!(&self.one, Some((0, trouble)) if closes(trouble))
    }

    /// The trouble of this connection.
    fn next(&mut self) -> Option<Trouble> {
        match self.one.take() {
            Some((0, Trouble::Closed)) => self.one = Some((0, Trouble::Closed)),
            Some((0, trouble)) => return Some(trouble),
            Some((passing, trouble)) => self.one = Some((passing - 1, trouble)),
            None => {}
        }
        self.all.clone()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(self: Arc<Self>, address: SocketAddr, listener: TcpListener) {
        let mut listener = Some(listener);
        loop {
            let mut state = self.lock();
            if state.is_closed() && !state.is_over {
                listener = None;
                // Nobody takes them any more.
                state.markers.clear();
                state.is_listening = false;
                self.changed.notify_all();
                state = self.changed.wait_while(state, |state| state.is_closed() && !state.is_over).unwrap();
            }
            if state.is_over {
                return;
            }
            let listener = listener.get_or_insert_with(|| TcpListener::bind(address).unwrap());
            state.is_listening = true;
            self.changed.notify_all();
            drop(state);
            let Ok((client, from)) = listener.accept() else { continue };
            let mut state = self.lock();
            if state.markers.remove(&from) {
                self.changed.notify_all();
                continue;
            }
            if state.is_closed() || state.is_over {
                continue;
            }
            let trouble = state.next();
            state.under_way += 1;
            drop(state);
            let inner = self.clone();
            thread::spawn(move || {
                inner.relay(client, trouble).unwrap_or_default();
                inner.lock().under_way -= 1;
                inner.changed.notify_all();
            });
        }
    }

    fn relay(&self, mut client: TcpStream, trouble: Option<Trouble>) -> Result<()> {
        if let Some(Trouble::Answer(answer)) = &trouble {
            let mut chunk = vec![0; 1 << 16];
            let _ = client.read(&mut chunk)?;
            client.write_all(answer)?;
            client.shutdown(Shutdown::Write)?;
            client.set_read_timeout(Some(Duration::from_secs(2)))?;
            while client.read(&mut chunk)? > 0 {}
            return Ok(());
        }
        let server = TcpStream::connect(self.server)?;
        let (asking, answering) = (client.try_clone()?, server.try_clone()?);
        let is_asked = Arc::new(Mutex::new(false));
        thread::scope(|scope| {
            let asked = is_asked.clone();
            let of_request = trouble.clone();
            scope.spawn(move || self.ask(asking, server, &asked, of_request.as_ref()).unwrap_or_default());
            answer(answering, &client, &is_asked, trouble.as_ref())?;
            client.shutdown(Shutdown::Both)
        })
    }

    fn ask(
        &self,
        mut client: TcpStream,
        mut server: TcpStream,
        is_asked: &Mutex<bool>,
        trouble: Option<&Trouble>,
    ) -> Result<()> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            let read = client.read(&mut chunk)?;
            if read == 0 {
                return server.shutdown(Shutdown::Write);
            }
            if (self.is_request)(&chunk[..read]) {
                if trouble == Some(&Trouble::Late) {
                    self.lock().late.push((server, chunk[..read].to_vec()));
                    return client.shutdown(Shutdown::Both);
                }
                *is_asked.lock().unwrap() = true;
            }
            server.write_all(&chunk[..read])?;
        }
    }
}

fn answer(
    mut server: TcpStream,
    mut client: &TcpStream,
    is_asked: &Mutex<bool>,
    trouble: Option<&Trouble>,
) -> Result<()> {
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = server.read(&mut chunk)?;
        let is_answer = *is_asked.lock().unwrap();
        match trouble {
            _ if read == 0 => return Ok(()),
            Some(Trouble::Lost) if is_answer => return Ok(()),
            Some(Trouble::Cut) if is_answer => return client.write_all(&chunk[..read / 2]),
            _ => client.write_all(&chunk[..read])?,
        }
    }
}
