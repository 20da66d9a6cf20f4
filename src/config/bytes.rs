//! stub
/// stub
pub struct ByteSize;
