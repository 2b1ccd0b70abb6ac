//! A model as a description and named arrays, and as one safetensors file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorView};

use super::memory::{MapStore, Store};
use super::rows::{MAX_DIM, Rows, StoreKind};
use super::section::Section;
use crate::artifact::staging::replace_file;
use crate::error::{Error, ErrorKind, Result};
use crate::scorer::sw_ranking::build::layout;
use crate::scorer::sw_ranking::index::clustered::{
    ClusterMeta, Clusters, Derived, INDEX_KIND, MAX_DIRECTIONS,
};
use crate::scorer::sw_ranking::model::{Residuals, SwMeta, SwModel, unpack};
use crate::scorer::sw_ranking::solve::groups::Group;

/// Name of the description in the metadata of a model's file.
const META: &str = "routellm.sw_ranking";

/// One named array of a model.
#[derive(Debug, Clone, Copy)]
pub struct SwTensor<'a> {
    /// Name, unique in the model.
    pub name: &'static str,
    /// `U8`, `U32` or `F32`.
    pub(crate) dtype: Dtype,
    /// Shape; the product times the size of a number is the length of `bytes`.
    pub shape: [usize; 2],
    /// Little-endian, row-major.
    pub bytes: &'a [u8],
}

/// The arrays of a model by name, as they come out of a file.
pub type SwSections = BTreeMap<String, Section>;

impl SwModel {
    /// The arrays of the model. Shapes are two-dimensional, with 1 for the missing dimension.
    pub fn tensors(&self) -> Vec<SwTensor<'_>> {
        let n = self.meta.votes;
        let mut out = Vec::new();
        push_rows(&mut out, ["votes.vectors", "votes.scales"], &self.rows);
        out.push(words("votes.source", [n, 1], &self.source));
        out.push(words("votes.battles", [n, 1], &self.battles));
        if let Some(ids) = &self.ids {
            let bytes = ids.bytes();
            out.push(SwTensor { name: "votes.ids", dtype: Dtype::U8, shape: [bytes.len(), 1], bytes });
        }
        if let Some(residuals) = &self.residuals {
            push_rows(&mut out, ["groups.residuals", "groups.residual_scales"], &residuals.rows);
            out.push(words("groups.runs", [self.meta.runs, 1], &residuals.votes));
        }
        if let Some(c) = &self.clusters {
            push_rows(&mut out, ["clusters.centroids", "clusters.centroid_scales"], &c.centroids);
            push_rows(&mut out, ["clusters.residuals", "clusters.residual_scales"], &c.residuals);
            push_rows(&mut out, ["clusters.basis", "clusters.basis_scales"], &c.basis);
            push_rows(&mut out, ["clusters.moments", "clusters.moment_scales"], &c.moments);
            let k = c.count();
            out.push(words("clusters.offsets", [k + 1, 1], &c.offsets));
            out.push(floats("clusters.profiles", [k, c.profile_count()], &c.profiles));
            out.push(floats("clusters.pooled", [c.pooled.floats().len(), 1], &c.pooled));
            out.push(words("clusters.position", [n, 1], &c.position));
            out.push(floats("clusters.spread", [k, 1], &c.spread));
            out.push(floats("clusters.counts", [k, self.meta.groups.len()], &c.counts));
        }
        out
    }

    /// A model from its description and arrays. Everything is checked against everything else, but for the
    /// coordinates themselves, whose integrity is the artifact's checksum. What was checked is copied out of a mapped
    /// file: whatever becomes of the file, no index leads out of its table.
    ///
    /// # Errors
    /// `InvalidModel` for a description or an array that is missing or does not fit the others.
    pub fn from_parts(meta: SwMeta, mut sections: SwSections) -> Result<Self> {
        check_meta(&meta)?;
        let n = meta.votes;
        let mut take = |name: &str| sections.remove(name);
        let need = |name: &str, section: Option<Section>| {
            section.ok_or_else(|| Error::invalid_model(format!("array {name:?} is missing")))
        };
        let vectors = need("votes.vectors", take("votes.vectors"))?;
        let rows = Rows::from_sections(
            "votes",
            meta.store,
            (n, meta.dim),
            meta.seed,
            vectors,
            take("votes.scales"),
        )?;
        let source = word_section("votes.source", n, take("votes.source"))?;
        let battles = word_section("votes.battles", n, take("votes.battles"))?;
        let ids = take("votes.ids");
        if let Some(ids) = &ids {
            let found = ids.bytes().split(|b| *b == b'\n').count();
            if found != n {
                return Err(Error::invalid_model(format!("votes.ids: {found} ids for {n} votes")));
            }
        }
        let residuals = if meta.store.format().is_some() {
            let n = meta.runs;
            let data = need("groups.residuals", take("groups.residuals"))?;
            let scales = take("groups.residual_scales");
            let kind = meta.store.residual_kind();
            let rows = Rows::from_sections("groups.residuals", kind, (n, meta.dim), 0, data, scales)?;
            let votes = word_section("groups.runs", n, take("groups.runs"))?;
            check_runs(votes.words(), &meta.groups)?;
            Some(Residuals { votes, rows })
        } else {
            None
        };
        let clusters = match &meta.clusters {
            None => None,
            Some(c) => Some(clusters(&meta, c, &mut take)?),
        };
        let layout = layout(&meta).map_err(|e| Error::invalid_model(e.message().to_owned()))?;
        let model = Self { meta, layout: Arc::new(layout), rows, residuals, source, battles, ids, clusters };
        model.check_votes()?;
        Ok(model)
    }

    /// Checks that the votes are a permutation, name models that exist, and fill their groups.
    fn check_votes(&self) -> Result<()> {
        let n = self.meta.votes;
        let groups = &self.meta.groups;
        let mut seen = vec![false; n];
        for (stored, row) in self.source.words().iter().enumerate() {
            if *row as usize >= n || std::mem::replace(&mut seen[*row as usize], true) {
                return Err(Error::invalid_model(format!(
                    "votes.source: {row} at {stored} is out of range or repeated"
                )));
            }
        }
        let mut starts = vec![0_usize];
        for group in groups {
            starts.push(starts[starts.len() - 1] + group.votes as usize);
        }
        seen.fill(false);
        for (stored, word) in self.battles.words().iter().enumerate() {
            let (a, b, winner) = unpack(*word);
            let tiers = &self.meta.tiers;
            let (Some(a), Some(b), Some(winner)) = (tiers.get(a), tiers.get(b), winner) else {
                return Err(Error::invalid_model(format!(
                    "votes.battles: vote {stored} names no model or winner"
                )));
            };
            let key = Group::of(*a, *b, winner);
            let position = self.clusters.as_ref().map_or(stored, |c| c.position.words()[stored] as usize);
            let group = starts.partition_point(|start| *start <= position) - 1;
            let fits = groups.get(group).is_some_and(|g| Group { votes: 0, ..*g } == key);
            if position >= n || !fits || std::mem::replace(&mut seen[position], true) {
                return Err(Error::invalid_model(format!(
                    "votes.battles: vote {stored} is not of its group"
                )));
            }
        }
        Ok(())
    }

    /// Writes the model into one safetensors file, which takes its place when it is whole: a crash leaves an old file
    /// whole, and a router that has the old one open goes on with it.
    ///
    /// # Errors
    /// `Io` or `NotFound` where the operating system refuses.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let internal =
            |e: &dyn std::fmt::Display| Error::new(ErrorKind::Internal, format!("writing a model: {e}"));
        let meta = serde_json::to_string(&self.meta).map_err(|e| internal(&e))?;
        let mut views = Vec::new();
        for tensor in self.tensors() {
            let view = TensorView::new(tensor.dtype, tensor.shape.to_vec(), tensor.bytes)
                .map_err(|e| internal(&e))?;
            views.push((tensor.name, view));
        }
        let info = [(META.to_owned(), meta)].into();
        replace_file(path, |path| {
            safetensors::serialize_to_file(views, Some(info), path).map_err(|e| Error::tensors(path, e))
        })
    }

    /// Opens a file that [`Self::write`] wrote: a store of up to 256 MB is read into memory, a larger one mapped
    /// ([`MapStore`] says what that means).
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; `InvalidModel` if it is no such file or its parts do not fit.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_mapped(path, MapStore::Auto)
    }

    /// As [`Self::open`], read or mapped as `map` says.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_mapped(path: impl AsRef<Path>, map: MapStore) -> Result<Self> {
        let path = path.as_ref();
        let named = |e: Error| e.context(path.display());
        let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
        let store = Arc::new(Store::open(&mut file, map).map_err(|e| Error::io(path, e))?);
        let bad = |e: &dyn std::fmt::Display| {
            named(Error::invalid_model(format!("not a model of SW ranking: {e}")))
        };
        let (length, header) = safetensors::SafeTensors::read_metadata(store.bytes()).map_err(|e| bad(&e))?;
        let text =
            header.metadata().as_ref().and_then(|m| m.get(META)).ok_or_else(|| bad(&"no description"))?;
        let meta: SwMeta = serde_json::from_str(text).map_err(|e| bad(&e))?;
        let base = length + 8;
        let mut sections = SwSections::new();
        for (name, info) in header.tensors() {
            let (start, end) = info.data_offsets;
            let section = Section::Part { store: Arc::clone(&store), start: base + start, len: end - start };
            sections.insert(name, section);
        }
        Self::from_parts(meta, sections).map_err(named)
    }
}

fn push_rows<'a>(out: &mut Vec<SwTensor<'a>>, names: [&'static str; 2], rows: &'a Rows) {
    let n = rows.n;
    if rows.kind == StoreKind::F32 {
        out.push(floats(names[0], [n, rows.dim], &rows.data));
    } else {
        let shape = [n, rows.kind.row_bytes(rows.dim)];
        out.push(SwTensor { name: names[0], dtype: Dtype::U8, shape, bytes: rows.data.bytes() });
    }
    if rows.kind.format().is_some() {
        out.push(floats(names[1], [n, 1], &rows.scales));
    }
}

fn words<'a>(name: &'static str, shape: [usize; 2], section: &'a Section) -> SwTensor<'a> {
    SwTensor { name, dtype: Dtype::U32, shape, bytes: section.bytes() }
}

fn floats<'a>(name: &'static str, shape: [usize; 2], section: &'a Section) -> SwTensor<'a> {
    SwTensor { name, dtype: Dtype::F32, shape, bytes: section.bytes() }
}

fn check_meta(meta: &SwMeta) -> Result<()> {
    let bad = |message: String| Err(Error::invalid_model(message));
    if meta.format_version != 2 {
        return bad(format!("format_version is {}, this build reads 2", meta.format_version));
    }
    if meta.dim == 0 || meta.dim > MAX_DIM || meta.votes == 0 || u32::try_from(meta.votes).is_err() {
        return bad(format!("{} votes of {} dimensions", meta.votes, meta.dim));
    }
    let models = meta.models.len();
    if models == 0 || models >= 1 << 15 || meta.tiers.len() != models || meta.ratings.len() != models {
        return bad(format!(
            "{models} models with {} tiers and {} ratings",
            meta.tiers.len(),
            meta.ratings.len()
        ));
    }
    let tiers = meta.tiers.iter().max().map_or(0, |t| t + 1);
    if tiers > 1000 {
        return bad(format!("tier {} is beyond 1000", tiers - 1));
    }
    let fits = |g: &Group| g.first <= g.second && usize::from(g.second) < tiers && g.outcome < 3;
    if !meta.groups.iter().all(fits)
        || !meta.groups.is_sorted_by(|a, b| Group { votes: 0, ..*a } < Group { votes: 0, ..*b })
    {
        return bad("groups are out of order or of tiers that no model has".to_owned());
    }
    let votes: u64 = meta.groups.iter().map(|g| u64::from(g.votes)).sum();
    if votes != meta.votes as u64 {
        return bad(format!("groups have {votes} votes, the model {}", meta.votes));
    }
    if meta.runs > meta.votes || (meta.store.format().is_some() && meta.runs < meta.groups.len()) {
        return bad(format!("{} runs of votes", meta.runs));
    }
    if !(meta.weight_exponent > 0.0 && meta.weight_exponent <= 100.0) {
        return bad(format!("weight_exponent is {}", meta.weight_exponent));
    }
    Ok(())
}

fn word_section(name: &str, len: usize, section: Option<Section>) -> Result<Section> {
    let section = section.ok_or_else(|| Error::invalid_model(format!("array {name:?} is missing")))?;
    let found = section.bytes().len();
    if found != 4 * len {
        return Err(Error::invalid_model(format!("{name}: {len} numbers expected, found {found} bytes")));
    }
    Ok(section.own_words())
}

/// Checks that no run is empty and that every group ends where a run does.
fn check_runs(runs: &[u32], groups: &[Group]) -> Result<()> {
    let mut runs = runs.iter();
    for group in groups {
        let mut left = u64::from(group.votes);
        while left > 0 {
            match runs.next().map(|votes| u64::from(*votes)) {
                Some(votes) if votes > 0 && votes <= left => left -= votes,
                _ => return Err(Error::invalid_model("groups.runs: runs do not add up to their groups")),
            }
        }
    }
    if runs.next().is_some() {
        return Err(Error::invalid_model("groups.runs: more runs than the groups have votes for"));
    }
    Ok(())
}

fn float_section(name: &str, len: usize, section: Option<Section>, least: f32) -> Result<Section> {
    let section = word_section(name, len, section)?.own_floats();
    match section.floats().iter().position(|x| !(x.is_finite() && *x >= least)) {
        Some(i) => Err(Error::invalid_model(format!("{name}: number {i} is not finite or too small"))),
        None => Ok(section),
    }
}

fn clusters(
    meta: &SwMeta,
    c: &ClusterMeta,
    take: &mut impl FnMut(&str) -> Option<Section>,
) -> Result<Clusters> {
    let (k, groups) = (c.clusters, meta.groups.len());
    if k == 0 || k > meta.votes || c.profiles == 0 || c.profiles > k || c.open_votes == 0 {
        return Err(Error::invalid_model(format!(
            "{k} clusters, {} profiles, {} votes to open",
            c.profiles, c.open_votes
        )));
    }
    if c.directions == 0 || c.directions > meta.dim.min(MAX_DIRECTIONS) {
        return Err(Error::invalid_model(format!("{} directions of {} dimensions", c.directions, meta.dim)));
    }
    if groups > usize::from(u16::MAX) {
        return Err(Error::invalid_model(format!("{groups} groups in a clustered store")));
    }
    let pairs = ClusterMeta::pairs(c.directions);
    let mut rows = |name: &str, scales: &str, n: usize, dim: usize| {
        let data = take(name).ok_or_else(|| Error::invalid_model(format!("array {name:?} is missing")))?;
        Rows::from_sections(name, INDEX_KIND, (n, dim), meta.seed, data, take(scales))
    };
    let centroids = rows("clusters.centroids", "clusters.centroid_scales", k, meta.dim)?;
    let residuals = rows("clusters.residuals", "clusters.residual_scales", c.profiles * groups, meta.dim)?;
    let basis = rows("clusters.basis", "clusters.basis_scales", c.directions, meta.dim)?;
    let moments = rows("clusters.moments", "clusters.moment_scales", groups, pairs)?;
    let mut clusters = Clusters {
        open_votes: c.open_votes,
        centroids,
        residuals,
        basis,
        moments,
        offsets: word_section("clusters.offsets", k + 1, take("clusters.offsets"))?,
        position: word_section("clusters.position", meta.votes, take("clusters.position"))?,
        spread: float_section("clusters.spread", k, take("clusters.spread"), 0.0)?,
        counts: float_section("clusters.counts", k * groups, take("clusters.counts"), 0.0)?,
        profiles: float_section("clusters.profiles", k * c.profiles, take("clusters.profiles"), f32::MIN)?,
        pooled: float_section("clusters.pooled", pairs, take("clusters.pooled"), f32::MIN)?,
        derived: Derived::default(),
    };
    let bad = |what: &str| Err(Error::invalid_model(format!("clusters: {what}")));
    let offsets = clusters.offsets.words();
    if offsets[0] != 0 || !offsets.is_sorted() || offsets[k] as usize != meta.votes {
        return bad("offsets do not cover the votes");
    }
    if clusters.position.words().iter().any(|p| *p as usize >= meta.votes) {
        return bad("a position is out of range");
    }
    for (cluster, counts) in clusters.counts.floats().chunks_exact(groups).enumerate() {
        let votes: f64 = counts.iter().map(|x| f64::from(*x)).sum();
        let whole = counts.iter().all(|x| x.fract() == 0.0);
        if !whole || votes != f64::from(offsets[cluster + 1] - offsets[cluster]) {
            return bad("counts do not fit the offsets");
        }
    }
    clusters.derive(&meta.groups);
    Ok(clusters)
}
