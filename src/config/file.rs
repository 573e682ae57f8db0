//! Files that settings and secrets come from. No message shows their contents.
//!
//! Nobody asked for the settings file of the working directory, and the folder may be somebody
//! else's. So it is read only if nobody but the user or root can have written it, and it may not
//! say where credentials are sent, nor which files hold them. A file that `--config` names may.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use secrecy::{SecretString, zeroize::Zeroizing};

use super::{
    profile::{Choice, without_file},
    secret::clean,
    table::{SettingsFile, parse},
};
use crate::{
    error::Error,
    text::{escape, file_name},
};

/// Settings file that is read if it exists.
pub(super) const FILE: &str = "mfaferry.toml";
/// Longest secret.
const LONGEST_SECRET: u64 = 64 * 1024;
/// Longest settings file.
const LONGEST_FILE: u64 = 64 * 1024;
/// Most links followed to the settings file.
const MAX_LINKS: usize = 8;
/// Mode bits that let anyone but the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// Reads the secret in the file that `origin` names.
pub(super) fn read_secret(path: &Path, origin: &str) -> Result<SecretString, Error> {
    let bytes = read_private(path, origin, "secret")?;
    clean(text_of(&bytes, origin)?, &format!("the file of {origin}"))
}

/// Returns the bytes of the file that `origin` names as text.
pub(super) fn text_of<'a>(bytes: &'a [u8], origin: &str) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|_| {
        Error::config(
            format!("the file of {origin} cannot be read: it is not UTF-8 text"),
            "write it as UTF-8; Windows' shells and editors may have written UTF-16",
        )
    })
}

/// Reads the file that `origin` names, which holds `what` and which nobody else should be able to
/// read.
pub(super) fn read_private(
    path: &Path,
    origin: &str,
    what: &str,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let advice = if path.starts_with("~") {
        "write its path in full: `~` is known to shells alone"
    } else if path.is_relative() {
        "check its path, which is relative to the working directory, and its permissions"
    } else {
        "check its path and permissions"
    };
    let failed = |error: io::Error| {
        Error::config(format!("the file of {origin} cannot be read: {error}"), advice)
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    // A folder is refused below, when it is read.
    if !metadata.is_dir() && can_others_read(&metadata) {
        tracing::warn!("others can read the file of {origin}: `chmod 600` it");
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LONGEST_SECRET).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.trim_ascii().is_empty() {
        return Err(Error::config(
            format!("the file of {origin} is empty"),
            format!("write the {what} to it"),
        ));
    }
    Ok(bytes)
}

/// Returns true if others can read a secret although they need not. A file that is root's, while
/// the user is not root, comes from the system (systemd's `LoadCredential=`, a secret of
/// Kubernetes): its group, or an access list shown as its group, is what lets the user read it at
/// all.
fn can_others_read(secret: &Metadata) -> bool {
    let is_handed_out = secret.uid() == 0 && rustix::process::geteuid().as_raw() != 0;
    secret.mode() & if is_handed_out { 0o037 } else { 0o077 } != 0
}

/// Reads the file that `--config` names, or that of the working directory if there is one, with the
/// table of the chosen tenant.
pub(super) fn read_file(
    path: Option<&Path>,
    choice: Option<Choice<'_>>,
) -> Result<SettingsFile, Error> {
    let name = escape(&file_name(path.unwrap_or(Path::new(FILE))));
    let text = match path {
        Some(path) => Some(read_named(path, &name)?),
        None => read_found(Path::new(FILE))?,
    };
    match (text, choice) {
        (Some(text), choice) => parse(&text, name, path.is_some(), choice),
        (None, Some(choice)) => Err(without_file(choice)),
        (None, None) => Ok(SettingsFile::default()),
    }
}

/// Reads the text of a file that the user names: anything that ends and can be read at once. That
/// includes a pipe (`--config <(…)`), but not one that nobody writes to.
fn read_named(path: &Path, name: &str) -> Result<String, Error> {
    let failed = |error: io::Error| {
        Error::config(format!("`{name}` cannot be read: {error}"), "check --config")
    };
    let refuse = |why: &str| Err(Error::config(format!("`{name}` {why}"), "check --config"));
    let file = open(path, OFlags::empty()).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let is_pipe = metadata.file_type().is_fifo();
    if is_pipe {
        // The writer of a pipe may take its time.
        rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|errno| failed(errno.into()))?;
    } else if !metadata.is_file() {
        return refuse("is not a file");
    }
    let is_open = metadata.mode() & OTHERS_WRITE != 0 || !is_trusted(metadata.uid());
    if is_open && !is_pipe {
        tracing::warn!(
            "other users can change the settings file `{name}`, which may say where credentials are \
             sent: it should be yours, and `chmod go-w`"
        );
    }
    let text = read_text(file, name)?;
    if is_pipe && text.is_empty() {
        return refuse("is a pipe without any input");
    }
    Ok(text)
}

/// Reads the text of a file that was found, if nobody but the user or root can have written it.
fn read_found(path: &Path) -> Result<Option<String>, Error> {
    let name = FILE;
    let failed = |error: io::Error| {
        Error::config(
            format!("`{name}` in the working directory cannot be read: {error}"),
            "make it readable, remove it, or give --config with another file",
        )
    };
    let refuse = |why: &str| {
        Err(Error::config(
            format!("`{name}` in the working directory {why}, and is not read"),
            format!(
                "look into it; then `--config ./{name}` if you trust it, or --config with another \
                 file"
            ),
        ))
    };
    let end = match end_of_links(path) {
        Ok(Ok(end)) => end,
        Ok(Err(why)) => return refuse(why),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let file = open(&end, OFlags::NOFOLLOW).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return refuse("is not a regular file");
    }
    if !is_trusted(metadata.uid()) {
        return refuse("belongs to another user");
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        return refuse("can be written by others than its owner (`chmod go-w` it)");
    }
    if metadata.nlink() > 1 {
        return refuse("is also known by another name (hard link)");
    }
    read_text(file, FILE).map(Some)
}

/// Follows links to their end. Each must belong to the user or to root; if one does not, returns
/// the reason why it is not followed.
fn end_of_links(path: &Path) -> io::Result<Result<PathBuf, &'static str>> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let metadata = fs::symlink_metadata(&path)?;
        if !metadata.is_symlink() {
            return Ok(Ok(path));
        }
        if !is_trusted(metadata.uid()) {
            return Ok(Err("is a link of another user's"));
        }
        let target = fs::read_link(&path)?;
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Ok(Err("is a link to a link to a link, and so on"))
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// Opens a file without waiting for the writer of a pipe.
fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | flags).bits();
    fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

fn read_text(file: File, name: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| {
        Error::config(format!("`{name}` cannot be read: {error}"), "check --config")
    })?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(Error::config(
            format!("`{name}` has more than {LONGEST_FILE} bytes"),
            "settings are a few lines: is it another file?",
        ));
    }
    String::from_utf8(bytes).map_err(|_| {
        Error::config(format!("`{name}` is not UTF-8 text"), "write settings as `rate = \"10\"`")
    })
}
