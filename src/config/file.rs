//! The settings file, `wardbook.toml`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Error;
use super::environment::Environment;
use super::layer::Layer;

const NAME: &str = "wardbook.toml";
/// The data folder, if nobody names one.
const DEFAULT_DATA: &str = "wardbook-data";

/// All settings, flags over environment over file, and the data folder.
pub(super) fn settings(
    flags: Layer,
    config: Option<PathBuf>,
    environment: &Environment,
) -> Result<(PathBuf, Layer), Error> {
    let above = flags.over(Layer::of_environment(environment)?);
    let config = match config {
        Some(path) => Some(path),
        None => environment.text("WARDBOOK_CONFIG")?.map(PathBuf::from),
    };
    let data = above.data.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
    let below = match config {
        Some(path) => read(&path).map_err(|cause| Error::Read { path, cause })??,
        None => in_data_folder(&data)?,
    };
    let settings = above.over(below);
    Ok((settings.data.clone().unwrap_or(data), settings))
}

/// The file in the data folder, which may be missing, as the folder itself may.
fn in_data_folder(data: &Path) -> Result<Layer, Error> {
    let path = data.join(NAME);
    let layer = match read(&path) {
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(Layer::default()),
        read => read.map_err(|cause| Error::Read { path: path.clone(), cause })??,
    };
    match layer.data {
        Some(_) => Err(Error::DataInDataFolder(path)),
        None => Ok(layer),
    }
}

fn read(path: &Path) -> std::io::Result<Result<Layer, Error>> {
    let text = std::fs::read_to_string(path)?;
    Ok(parse(&text, path))
}

/// Reads the text of a file; relative paths in it start where the file is.
fn parse(text: &str, path: &Path) -> Result<Layer, Error> {
    let layer: Layer = toml::from_str(text)
        .map_err(|cause| Error::File { path: path.to_owned(), cause: Box::new(cause) })?;
    Ok(layer.seen_from(path.parent().unwrap_or(Path::new(""))))
}
