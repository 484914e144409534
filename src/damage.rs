//! `mini-kafka damage`: breaks a file on purpose, the same way on every system.
//!
//! ```text
//! $ mini-kafka damage data/hello-0/00000000000000000000.log --flip 70:3
//! data/hello-0/00000000000000000000.log: flipped bit 3 of byte 70: 0x68 is now 0x78
//! ```
//!
//! Do this to a file that no broker has open, unless that is what you want to see.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write, stdout};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use mini_kafka::text::{hex, parse_hex};

use crate::failure::Failure;

/// Arguments of `damage`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("how").required(true))]
pub struct DamageArgs {
    /// The file.
    file: PathBuf,
    /// Cuts this many bytes off the end: a write that a crash interrupted.
    #[arg(long, value_name = "N", group = "how")]
    cut: Option<u64>,
    /// Flips a bit: a disk that lies. A bit's number, counted from the file's start, the most significant of each byte
    /// first; or BYTE:BIT.
    #[arg(long, value_name = "BIT|BYTE:BIT", group = "how")]
    flip: Option<BitNumber>,
    /// Appends bytes, in hexadecimal: a write that nobody meant.
    #[arg(long, value_name = "HEX", group = "how", value_parser = parse_bytes)]
    append: Option<Bytes>,
}

/// Bytes of one argument (clap takes a plain `Vec` for an argument that is given several times).
#[derive(Clone, Debug)]
struct Bytes(Vec<u8>);

fn parse_bytes(text: &str) -> Result<Bytes, String> {
    parse_hex(text).map(Bytes)
}

#[derive(Clone, Copy, Debug)]
struct BitNumber {
    /// Bytes before its own.
    byte: u64,
    /// 0, the most significant, to 7.
    bit: u8,
}

impl FromStr for BitNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<BitNumber, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        match text.split_once(':') {
            Some((byte, bit)) => match number(bit)? {
                bit @ 0..8 => Ok(BitNumber { byte: number(byte)?, bit: bit as u8 }),
                bit => Err(format!("a byte has bits 0 to 7, not {bit}")),
            },
            None => number(text).map(|n| BitNumber { byte: n / 8, bit: (n % 8) as u8 }),
        }
    }
}

/// Runs `damage`.
pub fn run(args: DamageArgs) -> Result<(), Failure> {
    let path = &args.file;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|e| Failure::file(path, "cannot be opened", &e))?;
    let len = file.metadata().map_err(|e| Failure::file(path, "cannot be read", &e))?.len();
    let done = match (args.cut, args.flip, args.append) {
        (Some(n), ..) => cut(path, &file, len, n)?,
        (_, Some(bit), _) => flip(path, &mut file, len, bit)?,
        (_, _, Some(Bytes(bytes))) => append(path, &mut file, len, &bytes)?,
        _ => unreachable!("one of the three is required"),
    };
    writeln!(stdout(), "{}: {done}", path.display())?;
    Ok(())
}

fn cut(path: &Path, file: &File, len: u64, n: u64) -> Result<String, Failure> {
    let left =
        len.checked_sub(n).ok_or_else(|| format!("{}: has only {len} bytes, {n} cannot be cut off", path.display()))?;
    file.set_len(left).map_err(|e| Failure::file(path, "cannot be cut", &e))?;
    Ok(format!("cut {n} bytes off the end: {len} bytes are now {left}"))
}

fn flip(path: &Path, file: &mut File, len: u64, BitNumber { byte, bit }: BitNumber) -> Result<String, Failure> {
    if byte >= len {
        return Err(Failure::Message(format!("{}: has only {len} bytes, there is no byte {byte}", path.display())));
    }
    let mut value = [0];
    let mut flip = || {
        file.seek(SeekFrom::Start(byte))?;
        file.read_exact(&mut value)?;
        file.seek(SeekFrom::Start(byte))?;
        file.write_all(&[value[0] ^ 0x80 >> bit])
    };
    flip().map_err(|e| Failure::file(path, "cannot be changed", &e))?;
    let [before] = value;
    Ok(format!("flipped bit {bit} of byte {byte}: {before:#04x} is now {:#04x}", before ^ 0x80 >> bit))
}

fn append(path: &Path, file: &mut File, len: u64, bytes: &[u8]) -> Result<String, Failure> {
    let appended = file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(bytes));
    appended.map_err(|e| Failure::file(path, "cannot be changed", &e))?;
    Ok(format!("appended {} bytes at byte {len}: {}", bytes.len(), hex(bytes)))
}
