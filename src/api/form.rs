//! Forms with pictures: one `meta` part of JSON, and `image` parts within their limits.

use axum::{
    extract::{
        Multipart,
        multipart::{Field, MultipartError, MultipartRejection},
    },
    http::StatusCode,
};
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;

use super::Problem;

/// Largest `meta` part, bytes.
const MAX_META: usize = 64 * 1024;

/// Reads what was given as a form, if it is one.
pub(super) async fn given<Meta: DeserializeOwned>(
    given: Result<Multipart, MultipartRejection>,
    max_image_bytes: usize,
    most_images: usize,
) -> Result<(Meta, Vec<Bytes>), Problem> {
    let form = given.map_err(|_| Problem::unsupported_media("send multipart/form-data with a meta part"))?;
    read(form, max_image_bytes, most_images).await
}

/// Reads a form part by part; a part that grows past its limit ends the reading.
pub(super) async fn read<Meta: DeserializeOwned>(
    mut form: Multipart,
    max_image_bytes: usize,
    most_images: usize,
) -> Result<(Meta, Vec<Bytes>), Problem> {
    let (mut meta, mut images) = (None, Vec::new());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("meta") if meta.is_none() => {
                let bytes = part(field, MAX_META, "meta").await?;
                let read: Meta = serde_json::from_slice(&bytes)
                    .map_err(|error| Problem::bad_request(format!("meta: {error}")).field("meta", error.to_string()))?;
                meta = Some(read);
            }
            Some("image") if images.len() < most_images => images.push(part(field, max_image_bytes, "image").await?),
            Some("image") => return Err(Problem::bad_request(format!("send at most {most_images} image parts"))),
            Some("meta") => return Err(Problem::bad_request("send one meta part")),
            _ => return Err(Problem::bad_request("send a meta part and image parts only")),
        }
    }
    let meta = meta.ok_or_else(|| Problem::bad_request("the meta part is missing").field("meta", "missing"))?;
    Ok((meta, images))
}

/// The bytes of a part, at most `limit`.
pub(super) async fn part(mut field: Field<'_>, limit: usize, name: &str) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > limit {
            return Err(Problem::too_large(format!("the {name} part may have at most {limit} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// What is wrong with a form that cannot be read on.
pub(super) fn broken(error: MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large(error.body_text())
    } else {
        Problem::bad_request(error.body_text())
    }
}
