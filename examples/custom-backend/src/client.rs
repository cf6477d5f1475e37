use gitops_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::protocol::{Reply, Request};

/// The longest question and answer, in bytes.
const LIMIT: u64 = 1 << 20;

/// Asks a key-value service, one connection a question.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
}

impl Client {
    /// A client of the service at `host:port`.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into() }
    }

    /// Where the service is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Asks one question.
    ///
    /// # Errors
    /// `Limit` if the question is too long, `Unavailable` if the service can't be reached: nothing was done. Once the question is sent the outcome is
    /// unknown until the answer is there.
    ///
    /// # Cancel safety
    /// A dropped question may have been answered.
    pub async fn ask(&self, request: Request) -> Result<Reply> {
        let unreachable = |error: std::io::Error| Error::new(ErrorKind::Unavailable, error.to_string());
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        if line.len() as u64 > LIMIT {
            let message = "the question is longer than the service reads";
            return Err(Error::new(ErrorKind::Limit, message).with("bytes", line.len()).with("limit", LIMIT));
        }
        let mut stream = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        let answer = async {
            stream.write_all(&line).await?;
            let mut answer = String::new();
            tokio::io::AsyncReadExt::take(BufReader::new(stream), LIMIT).read_line(&mut answer).await?;
            Ok(answer)
        };
        let answer = answer.await.map_err(|error| unreachable(error).outcome_unknown())?;
        serde_json::from_str(&answer).map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the service closed the connection without an answer")
                .outcome_unknown()
        })
    }
}
