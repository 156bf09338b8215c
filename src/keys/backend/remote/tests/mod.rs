//! The client at the other end of real sockets.
