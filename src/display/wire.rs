//! A line of octets to a sign: a TCP connection, or a serial port of this machine.

use std::{
    io,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd},
    net::TcpStream,
};

use super::Error;
use crate::domain::sign_link::Endpoint;

/// An open line.
#[derive(Debug)]
pub enum Wire {
    /// To a sign with a network of its own, or a serial server.
    Tcp(TcpStream),
    /// A serial port.
    Tty(AsyncFd<OwnedFd>),
}

impl Wire {
    /// Opens the line; a serial port is set to raw octets, 8N1, at its speed.
    pub async fn open(endpoint: &Endpoint, timeout: Duration) -> Result<Self, Error> {
        let unreachable = |error: &dyn std::fmt::Display| Error::Unreachable(error.to_string());
        match endpoint {
            Endpoint::Tcp(address) => {
                let stream = tokio::time::timeout(timeout, TcpStream::connect(address))
                    .await
                    .map_err(|_| Error::Unreachable("the connection is not taken in time".to_owned()))?
                    .map_err(|error| unreachable(&error))?;
                stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
                Ok(Self::Tcp(stream))
            }
            Endpoint::Tty { device, baud } => {
                Self::open_tty(device, *baud).map_err(|error| Error::Unreachable(format!("{device}: {error}")))
            }
        }
    }

    /// Whether the other end has neither closed the line nor said anything unasked: an answer that comes next is to what is
    /// asked next. Serial servers close a line that was quiet, and a late or doubled answer must not be taken for another's.
    pub fn is_quiet(&self) -> bool {
        let mut octet = [0];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut octet),
            Self::Tty(port) => rustix::io::read(port.get_ref(), &mut octet).map_err(io::Error::from),
        };
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    #[expect(deprecated, reason = "its successor is unsafe to call; an owned descriptor keeps what that asks for")]
    fn open_tty(device: &str, baud: u32) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let port = rustix::fs::open(device, flags, Mode::empty())?;
        let mut settings = tcgetattr(&port)?;
        settings.make_raw();
        // Whatever another program left: the receiver on, one stop bit, no modem lines, no handshake by wire.
        settings.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
        settings.control_modes -= ControlModes::CSTOPB | ControlModes::CRTSCTS;
        settings.set_speed(baud)?;
        tcsetattr(&port, OptionalActions::Flush, &settings)?;
        Ok(Self::Tty(AsyncFd::new(port)?))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tty(port) => loop {
                let mut ready = ready!(port.poll_read_ready(context))?;
                let octets = into.initialize_unfilled();
                match ready.try_io(|port| Ok(rustix::io::read(port.get_ref(), &mut *octets)?)) {
                    Ok(Ok(count)) => {
                        into.advance(count);
                        return Poll::Ready(Ok(()));
                    }
                    Ok(Err(error)) => return Poll::Ready(Err(error)),
                    Err(_would_block) => {}
                }
            },
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Tty(port) => loop {
                let mut ready = ready!(port.poll_write_ready(context))?;
                match ready.try_io(|port| Ok(rustix::io::write(port.get_ref(), octets)?)) {
                    Ok(written) => return Poll::Ready(written),
                    Err(_would_block) => {}
                }
            },
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Tty(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tty(_) => Poll::Ready(Ok(())),
        }
    }
}
