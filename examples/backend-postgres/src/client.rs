use gitops_core::{Error, ErrorKind, Result};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

/// Runs SQL as one user, one connection a request.
#[derive(Clone, Debug)]
pub struct Client(Config);

impl Client {
    /// A client of `host=… port=… user=…`.
    ///
    /// # Errors
    /// `Invalid` if that is no connection string.
    pub fn new(connection: &str) -> Result<Self> {
        connection.parse().map(Self).map_err(|_| Error::new(ErrorKind::Invalid, "no connection string"))
    }

    /// Runs statements as one transaction, and gives the rows of all of them.
    ///
    /// # Errors
    /// `Unavailable` if the server can't be reached: nothing was done. Once the statements are sent, the outcome is unknown
    /// until the answer is there.
    ///
    /// # Cancel safety
    /// A dropped call has run all statements or none.
    pub async fn run(&self, statements: &str) -> Result<Vec<SimpleQueryRow>> {
        let (client, connection) = self.0.connect(NoTls).await.map_err(|error| meaning(&error))?;
        let answer = async move {
            let answer = client.simple_query(statements).await;
            drop(client);
            answer
        };
        let (answer, _) = tokio::join!(answer, connection);
        let messages = answer.map_err(|error| match error.as_db_error() {
            Some(_) => meaning(&error),
            None => meaning(&error).outcome_unknown(),
        })?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// What an error means. That of a server is taken by its code, and told without the statement.
fn meaning(error: &tokio_postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        return Error::new(ErrorKind::Unavailable, error.to_string());
    };
    let code = said.code().code();
    let kind = match code {
        // No such role.
        "42704" => ErrorKind::NotFound,
        // A name that is taken; a row that is not the one that was seen, by our own question or by the server's.
        "42710" | "23505" | "22012" | "40001" | "XX000" => ErrorKind::Conflict,
        "42501" => ErrorKind::Forbidden,
        _ => match code.get(..2) {
            Some("28") => ErrorKind::Unauthenticated,
            Some("22" | "42") => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        },
    };
    Error::new(kind, said.message()).with("code", code)
}
