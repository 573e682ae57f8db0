//! Compressed inputs, recognised by their first bytes and decompressed transparently. Several
//! compressed files one after another, as `cat` joins them, are read as one.

use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::files::CountingReader;

const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame without data, which some tools write first. The first byte may be up to 15 more.
const ZSTD_SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// Number of bytes that are enough to recognise a format.
const LEN: usize = 4;

/// Number of bytes that any input may expand to, however short it is.
const FREE: u64 = 16 << 20;
/// Number of bytes that each further byte may expand to. Rows of an export yield some tens.
const RATIO: u64 = 200;

/// Fault of a compressed input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnpackFault {
    /// The data is not what was compressed.
    Damaged,
    /// The end is missing.
    CutOff,
    /// The output is out of all proportion to the input.
    TooGood,
}

impl UnpackFault {
    /// Returns the fault that has stopped a reader, if it is one of these.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
    }
}

impl fmt::Display for UnpackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "it is damaged",
            Self::CutOff => "it ends early: was it cut off?",
            Self::TooGood => "it expands to far more than any list of factors",
        })
    }
}

impl std::error::Error for UnpackFault {}

fn fault(fault: UnpackFault) -> io::Error {
    io::Error::other(fault)
}

/// Reader that decompresses what is compressed; nothing is read before the first read.
pub(super) struct Unpack<R> {
    state: Decoder<R>,
    /// Bytes read, compressed as they are.
    n_read: Arc<AtomicU64>,
    /// Bytes that came out.
    n_given: u64,
}

/// A reader whose first bytes have been looked at.
type Looked<R> = Chain<Cursor<Vec<u8>>, CountingReader<R>>;

enum Decoder<R> {
    /// Nothing has been read; taken out to be looked at.
    New(Option<CountingReader<R>>),
    Plain(Looked<R>),
    Gzip(Box<MultiGzDecoder<Looked<R>>>),
    Zstd(Box<Frames<Looked<R>>>),
}

impl<R: Read> Unpack<R> {
    pub(super) fn new(reader: R) -> Self {
        let n_read = Arc::default();
        let reader = CountingReader { reader, n_read: Arc::clone(&n_read) };
        Self { state: Decoder::New(Some(reader)), n_read, n_given: 0 }
    }

    /// Counter of the bytes read so far, as they are stored.
    pub(super) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.n_read)
    }

    /// Checks that the output is in proportion.
    fn account(&mut self, n: usize) -> io::Result<usize> {
        self.n_given += n as u64;
        let limit = FREE.max(self.n_read.load(Ordering::Relaxed).saturating_mul(RATIO));
        if self.n_given > limit { Err(fault(UnpackFault::TooGood)) } else { Ok(n) }
    }
}

impl<R: Read> Read for Unpack<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Decoder::New(reader) = &mut self.state
            && let Some(reader) = reader.take()
        {
            self.state = look(reader)?;
        }
        let n = match &mut self.state {
            Decoder::New(_) => return Ok(0),
            Decoder::Plain(reader) => return reader.read(into),
            Decoder::Gzip(reader) => reader.read(into).map_err(of_gzip)?,
            Decoder::Zstd(frames) => frames.read(into)?,
        };
        self.account(n)
    }
}

/// Examines the first bytes, and as few of them as possible.
fn look<R: Read>(mut reader: CountingReader<R>) -> io::Result<Decoder<R>> {
    let mut first = [0; LEN];
    let mut n = 0;
    while n < LEN && may_be(&first[..n]) {
        match reader.read(&mut first[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let is_zstd = n == LEN && may_be(&first) && first[0] != GZIP[0];
    let is_gzip = first[..n].starts_with(&GZIP);
    let reader = Cursor::new(first[..n].to_vec()).chain(reader);
    Ok(if is_gzip {
        Decoder::Gzip(Box::new(MultiGzDecoder::new(reader)))
    } else if is_zstd {
        Decoder::Zstd(Box::new(Frames::new(reader)))
    } else {
        Decoder::Plain(reader)
    })
}

/// Returns whether these may be the first bytes of something compressed.
fn may_be(first: &[u8]) -> bool {
    let mut skippable = first.to_vec();
    if let Some(byte) = skippable.first_mut() {
        *byte &= 0xf0;
    }
    first.starts_with(&GZIP)
        || GZIP.starts_with(first)
        || ZSTD.starts_with(first)
        || ZSTD_SKIPPABLE.starts_with(&skippable)
}

/// Translates a fault of the format into our words; one of the underlying reader stays as it is.
fn of_gzip(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => fault(UnpackFault::CutOff),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => fault(UnpackFault::Damaged),
        _ => error,
    }
}

/// Decoder of zstd, whose library reads only one frame.
struct Frames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    is_inside: bool,
}

impl<R: Read> Frames<R> {
    fn new(source: R) -> Self {
        Self { source: BufReader::new(source), decoder: FrameDecoder::new(), is_inside: false }
    }

    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                        return Err(fault(UnpackFault::CutOff));
                    }
                }
                Err(_) => return Err(self.broken()?),
            }
        }
        Ok(false)
    }

    /// Returns the fault of a frame that cannot be read: if no bytes are left, its end is missing.
    fn broken(&mut self) -> io::Result<io::Error> {
        let is_at_end = self.source.fill_buf()?.is_empty();
        Ok(fault(if is_at_end { UnpackFault::CutOff } else { UnpackFault::Damaged }))
    }

    /// Ends a frame: the output must be what was compressed.
    fn end(&mut self) -> io::Result<()> {
        self.is_inside = false;
        match self.decoder.get_checksum_from_data() {
            Some(sum) if self.decoder.get_calculated_checksum() != Some(sum) => {
                Err(fault(UnpackFault::Damaged))
            }
            _ => Ok(()),
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_inside {
                self.is_inside = self.begin()?;
                if !self.is_inside {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                if self.decoder.decode_blocks(&mut self.source, one).is_err() {
                    return Err(self.broken()?);
                }
            }
            match self.decoder.read(into)? {
                0 => self.end()?,
                n => return Ok(n),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    /// Gives a few bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(into.len());
            self.0.read(&mut into[..n])
        }
    }

    /// All that comes out, and the fault that ends it.
    fn unpack(bytes: &[u8]) -> (Vec<u8>, Option<UnpackFault>) {
        let outcomes = [1, 3, 100_000].map(|size| {
            let mut reader = Unpack::new(Slowly(bytes, size));
            let mut out = Vec::new();
            let read = reader.read_to_end(&mut out);
            (out, read.err().map(|error| UnpackFault::of(&error).unwrap()))
        });
        assert!(outcomes.iter().all(|one| one.1 == outcomes[0].1), "it matters how bytes come");
        outcomes.into_iter().next().unwrap()
    }

    #[test]
    fn what_is_compressed_comes_out_whole() {
        let text = b"user_id,type\nauth0|1,email\n".repeat(20_000);
        let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
        for (bytes, expected) in [
            (text.clone(), text.clone()),
            (gzip(&text), text.clone()),
            (zstd(&text), text.clone()),
            // Joined, as `cat` does.
            ([gzip(&text), gzip(b""), gzip(&text)].concat(), text.repeat(2)),
            ([zstd(&text), zstd(b""), zstd(&text)].concat(), text.repeat(2)),
            ([skippable, &zstd(&text)[..], skippable].concat(), text.clone()),
            (b"".to_vec(), Vec::new()),
            (b"\x1f".to_vec(), b"\x1f".to_vec()),
            (b"Ped".to_vec(), b"Ped".to_vec()),
            (b"\x28\xb5".to_vec(), b"\x28\xb5".to_vec()),
        ] {
            assert!(unpack(&bytes) == (expected, None), "{:?}", bytes.get(..8));
        }
    }

    #[test]
    fn what_is_damaged_or_cut_off_never_passes_for_whole() {
        let text: Vec<u8> = (0_u32..9_000).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for whole in [gzip(&text), zstd(&text)] {
            for len in (LEN..whole.len()).step_by(997).chain([whole.len() - 1]) {
                let (out, fault) = unpack(&whole[..len]);
                assert_eq!(fault, Some(UnpackFault::CutOff), "{len} of {}", whole.len());
                assert!(text.starts_with(&out));
            }
            for at in (20..whole.len()).step_by(1_499).chain([whole.len() - 6]) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0x55;
                assert!(unpack(&damaged).1.is_some(), "byte {at} of {}", whole.len());
            }
            let (_, fault) = unpack(&[&whole[..], b"user_id"].concat());
            assert!(fault.is_some(), "something follows");
        }
    }

    #[test]
    fn what_unfolds_beyond_all_proportion_is_given_up() {
        for bomb in [gzip(&vec![b'\n'; 18 << 20]), zstd(&vec![b'\n'; 18 << 20])] {
            let mut reader = Unpack::new(&bomb[..]);
            let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
            assert_eq!(UnpackFault::of(&error), Some(UnpackFault::TooGood));
            assert!(reader.n_given <= FREE + (1 << 20));
        }
    }
}
