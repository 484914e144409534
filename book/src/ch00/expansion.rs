// What `structs!` makes of the table of ApiVersion, as the compiler prints it. Left out: what the derives add, and the
// paths in front of names (`crate::codec::`, `crate::table::`).

pub struct ApiVersion {
    /// The API.
    pub api_key: i16,
    /// The lowest version served.
    pub min_version: i16,
    /// The highest version served.
    pub max_version: i16,
}

impl Default for ApiVersion {
    fn default() -> Self {
        ApiVersion { api_key: Default::default(), min_version: Default::default(), max_version: Default::default() }
    }
}

// ANCHOR: fields
#[allow(non_upper_case_globals)]
impl ApiVersion {
    const api_key: Field = Field { name: "api_key", from: 0, to: i16::MAX, tag: None, null_from: 0 };
    const min_version: Field = Field { name: "min_version", from: 0, to: i16::MAX, tag: None, null_from: 0 };
    const max_version: Field = Field { name: "max_version", from: 0, to: i16::MAX, tag: None, null_from: 0 };
}
// ANCHOR_END: fields

// ANCHOR: wire
impl Wire for ApiVersion {
    fn decode(r: &mut Reader, v: Version) -> Decoded<Self> {
        let mut s = ApiVersion::default();
        if Self::api_key.is_plain(v) {
            s.api_key = Self::api_key.decode(r, v)?;
        }
        if Self::min_version.is_plain(v) {
            s.min_version = Self::min_version.decode(r, v)?;
        }
        if Self::max_version.is_plain(v) {
            s.max_version = Self::max_version.decode(r, v)?;
        }
        if v.flexible {
            r.tagged_fields(|tag, r| {
                if Self::api_key.is_tagged(tag, v) {
                    s.api_key = Self::api_key.decode(r, v)?;
                }
                if Self::min_version.is_tagged(tag, v) {
                    s.min_version = Self::min_version.decode(r, v)?;
                }
                if Self::max_version.is_tagged(tag, v) {
                    s.max_version = Self::max_version.decode(r, v)?;
                }
                Ok(())
            })?;
        }
        Ok(s)
    }
    fn encode(&self, w: &mut Writer, v: Version) {
        Self::api_key.encode(&self.api_key, w, v);
        Self::min_version.encode(&self.min_version, w, v);
        Self::max_version.encode(&self.max_version, w, v);
        if v.flexible {
            let default = ApiVersion::default();
            let mut tagged = Vec::new();
            Self::api_key.encode_tagged(&mut tagged, &self.api_key, &default.api_key, v);
            Self::min_version.encode_tagged(&mut tagged, &self.min_version, &default.min_version, v);
            Self::max_version.encode_tagged(&mut tagged, &self.max_version, &default.max_version, v);
            w.tagged_fields(tagged);
        }
    }
}
// ANCHOR_END: wire

impl Nullable for ApiVersion {
    fn decode_nullable(r: &mut Reader, v: Version) -> Decoded<Option<Self>> {
        decode_nullable_struct(r, v)
    }
    fn encode_nullable(value: Option<&Self>, w: &mut Writer, v: Version) {
        encode_nullable_struct(value, w, v)
    }
}
