//! The list of exercises (`exercises/exercises.toml`), and where things are in the project.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// Everything in `exercises.toml`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Chapters that have exercises.
    #[serde(rename = "chapter")]
    pub chapters: Vec<Chapter>,
    /// All exercises.
    #[serde(rename = "exercise")]
    exercises: Vec<Exercise>,
}

/// A chapter.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Its number.
    pub number: u32,
    /// Its crate, which is also the name of its folder.
    #[serde(rename = "crate")]
    pub name: String,
    /// Tests that pass before the first exercise is solved.
    pub given: Vec<String>,
}

/// How hard an exercise is.
#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// One function.
    Easy,
    /// One module.
    Medium,
    /// An extension of the broker.
    Hard,
}

/// An exercise.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// Its name, which never changes.
    pub slug: String,
    /// What there is to do, in a line.
    pub title: String,
    /// The chapter it belongs to.
    pub chapter: u32,
    /// Its place in the chapter, from 1.
    pub order: usize,
    /// What is blanked: `file.rs:anchor`.
    #[serde(default)]
    pub anchors: Vec<String>,
    /// For an open-ended exercise: the files that its reader writes, and that no chapter has.
    #[serde(default)]
    pub files: Vec<String>,
    /// Tests that pass once it is solved, and not before.
    pub tests: Vec<String>,
    /// Where its contract is: a page of the book.
    pub page: String,
    /// From a nudge to nearly the answer.
    pub hints: Vec<String>,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// About how long it takes.
    pub minutes: u32,
}

impl Exercise {
    /// Whether there is no chapter's version of it.
    pub fn is_open(&self) -> bool {
        !self.files.is_empty()
    }

    /// The test binary that has its tests.
    pub fn suite(&self) -> &str {
        if self.is_open() { &self.slug } else { "all" }
    }

    /// Its anchors, as file and anchor.
    pub fn anchors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.anchors.iter().map(|anchor| anchor.split_once(':').expect("checked when read"))
    }

    /// The files that its reader edits.
    pub fn edited(&self) -> BTreeSet<&str> {
        self.anchors().map(|(file, _)| file).chain(self.files.iter().map(String::as_str)).collect()
    }
}

/// The project on the disk.
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// Its exercises.
    pub catalogue: Catalogue,
}

impl Project {
    /// The project in or around which the command was started, or else the one it was built from.
    pub fn find() -> Result<Project, Failure> {
        let here = std::env::current_dir().map_err(|e| format!("the current folder: {e}"))?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().chain([built_from]).find(|dir| dir.join("exercises/exercises.toml").is_file());
        let root = root.ok_or_else(|| {
            "no exercises here: run this in a clone of mini-kafka (the folder that has exercises/)".to_owned()
        })?;
        Project::open(root)
    }

    /// The project in a folder.
    pub fn open(root: &Path) -> Result<Project, Failure> {
        let path = root.join("exercises/exercises.toml");
        let text = fs::read_to_string(&path).map_err(|e| Failure::file(&path, "cannot be read", &e))?;
        let mut catalogue: Catalogue =
            toml::from_str(&text).map_err(|e| Failure::Message(format!("{}: {e}", path.display())))?;
        catalogue.exercises.sort_by_key(|exercise| (exercise.chapter, exercise.order));
        for exercise in &catalogue.exercises {
            let fail = |what: &str| Err(Failure::Message(format!("{}: {}: {what}", path.display(), exercise.slug)));
            if !catalogue.chapters.iter().any(|chapter| chapter.number == exercise.chapter) {
                return fail("there is no such chapter");
            }
            if exercise.anchors.iter().any(|anchor| !anchor.contains(':')) {
                return fail("an anchor is written file.rs:anchor");
            }
            if exercise.anchors.is_empty() == exercise.files.is_empty() {
                return fail("an exercise has either anchors or files");
            }
        }
        Ok(Project { root: root.to_owned(), catalogue })
    }

    /// The exercises of a chapter, in order.
    pub fn exercises_of(&self, chapter: &Chapter) -> Vec<&Exercise> {
        self.catalogue.exercises.iter().filter(|exercise| exercise.chapter == chapter.number).collect()
    }

    /// All exercises, in order.
    pub fn exercises(&self) -> &[Exercise] {
        &self.catalogue.exercises
    }

    /// An exercise by name.
    pub fn exercise(&self, slug: &str) -> Result<&Exercise, Failure> {
        self.catalogue.exercises.iter().find(|exercise| exercise.slug == slug).ok_or_else(|| {
            let likeness = |e: &&Exercise| (strsim::jaro_winkler(&e.slug, slug) * 1000.0) as u32;
            let nearest = self.catalogue.exercises.iter().max_by_key(likeness);
            let nearest = nearest.map_or(String::new(), |e| format!("; did you mean {}?", e.slug));
            Failure::Usage(format!("there is no exercise {slug}{nearest} `mini-kafka exercises` lists them"))
        })
    }

    /// The chapter of an exercise.
    pub fn chapter_of(&self, exercise: &Exercise) -> &Chapter {
        let mut chapters = self.catalogue.chapters.iter();
        chapters.find(|chapter| chapter.number == exercise.chapter).expect("checked when read")
    }

    /// A file of a chapter.
    pub fn chapter_file(&self, chapter: &Chapter, file: &str) -> PathBuf {
        self.root.join("chapters").join(&chapter.name).join("src").join(file)
    }

    /// The same file as the reader has it.
    pub fn exercise_file(&self, chapter: &Chapter, file: &str) -> PathBuf {
        self.exercise_dir(chapter).join("src").join(file)
    }

    /// The folder of a chapter's exercises.
    pub fn exercise_dir(&self, chapter: &Chapter) -> PathBuf {
        self.root.join("exercises").join(&chapter.name)
    }

    /// How a path is shown: from the project's folder on, if it is in there.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// Reads a text file.
pub fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|e| Failure::file(path, "cannot be read", &e))
}

/// Writes a text file, and the folders above it.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, text)
    };
    write().map_err(|e| Failure::file(path, "cannot be written", &e))
}
