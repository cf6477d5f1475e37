use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{
    Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle, Tag as WrittenTag,
};

use super::dialect::Rules;
use super::differs::{self, Difference};
use super::mapping::Mapping;
use super::scalar::{self, Misfit, Scalar};
use super::scan::{self, Scan};
use super::tag::Tag;
use super::written::{Key, Written, no_key};
use super::{Data, Document, Fault, Member, Node, Place, Stop, YamlLimits};

/// Reads the first document of a text that begins on a line of its file.
///
/// # Errors
/// The first fault.
pub(super) fn document(
    text: &str,
    line: u32,
    rules: &'static Rules,
    limits: &YamlLimits,
    stop: Stop<'_>,
) -> Result<Option<Document>, Fault> {
    if stop() {
        return Err(Fault::cancelled(Place { line, column: 1 }));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut composer = Composer {
        parser: Parser::new_from_str_with_options(text, options(limits)),
        scan: scan::scan(text, line)?,
        text,
        line,
        rules,
        limits,
        stop,
        depth: 0,
        flow: 0,
        copies: 0,
        anchors: BTreeMap::new(),
        warnings: Vec::new(),
    };
    composer.document()
}

fn options(limits: &YamlLimits) -> Options {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.bom_inside_document_as_content = true;
    options.emit_anchor_events = true;
    options.simple_key_max_lookahead = limits.key;
    options.set_emit_comments(false);
    options
}

struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    scan: Scan,
    text: &'t str,
    /// The line of the file on which the text begins.
    line: u32,
    rules: &'static Rules,
    limits: &'t YamlLimits,
    stop: Stop<'t>,
    depth: usize,
    /// How many brackets are open.
    flow: usize,
    copies: usize,
    anchors: BTreeMap<usize, Anchor>,
    /// What readers take differently.
    warnings: Vec<Fault>,
}

/// What an alias stands for.
struct Anchor {
    node: Node,
    size: usize,
    /// The node as a key, if it can be one.
    key: Option<Key>,
}

type Next<'t> = (Event<'t>, Span);

impl<'t> Composer<'t> {
    fn document(&mut self) -> Result<Option<Document>, Fault> {
        loop {
            match self.next()? {
                (Event::StreamStart, _) => {}
                (Event::DocumentStart(..), _) => break,
                _ => return self.scan.end(self.text, self.line).map(|()| None),
            }
        }
        let next = self.next()?;
        let root = self.node(next)?;
        self.end()?;
        let warnings = std::mem::take(&mut self.warnings);
        Ok((root.data != Data::Null).then_some(Document { root, warnings }))
    }

    /// Only blanks and comments may follow a document.
    fn end(&mut self) -> Result<(), Fault> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::DocumentEnd => {}
                Event::StreamEnd => return self.scan.end(self.text, self.line),
                _ => {
                    let message = "content behind the end of the document, which `kubectl` would never read";
                    let help = "begin another document with `---`";
                    return Err(Fault::syntax(self.place(&span), message).help(help));
                }
            }
        }
    }

    fn next(&mut self) -> Result<Next<'t>, Fault> {
        if (self.stop)() {
            return Err(Fault::cancelled(Place { line: self.line, column: 1 }));
        }
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, (event, span): Next<'t>) -> Result<Node, Fault> {
        let place = self.place(&span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let written = self.scalar(text, style, tag.as_deref(), &span)?;
                self.warnings.extend(written.differs.map(|differs| differs.at(place)));
                if anchor == 0 { written.node(self.rules) } else { self.keep(anchor, written) }
            }
            Event::SequenceStart(style, anchor, _) => self.nested(place, style, anchor, Self::sequence),
            Event::MappingStart(style, anchor, _) => self.nested(place, style, anchor, Self::mapping),
            Event::Alias(id) => self.alias(id, &span),
            _ => Err(Fault::syntax(place, "a value is missing here")),
        }
    }

    fn nested(
        &mut self,
        place: Place,
        style: StructureStyle,
        anchor: usize,
        read: fn(&mut Self) -> Result<Data, Fault>,
    ) -> Result<Node, Fault> {
        self.depth += 1;
        self.limits.check_depth(place, self.depth)?;
        self.anchor_event(anchor)?;
        let flow = usize::from(style == StructureStyle::Flow);
        self.flow += flow;
        let node = Node { place, data: read(self)? };
        self.flow -= flow;
        self.depth -= 1;
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node: node.clone(), size: node.size(), key: None });
        }
        Ok(node)
    }

    fn sequence(&mut self) -> Result<Data, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Data::List(items)),
                next => items.push(self.node(next)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Data, Fault> {
        let mut mapping = Mapping::default();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::MappingEnd) {
                return mapping.finish(self.rules, &mut self.warnings).map(Data::Map);
            }
            let (key, place) = self.key(next)?;
            let next = self.next()?;
            let value = self.node(next)?;
            match key {
                Key::Name(name) => mapping.write(Member { name, place, value }),
                Key::Merge => mapping.merge(place, value, self.rules)?,
            }
        }
    }

    fn key(&mut self, (event, span): Next<'t>) -> Result<(Key, Place), Fault> {
        let place = self.place(&span);
        let key = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let written = self.scalar(text, style, tag.as_deref(), &span)?;
                let key = self.written_key(&written)?;
                self.warnings.extend(differs::key(&written));
                if anchor != 0 {
                    self.keep(anchor, written)?;
                }
                key
            }
            Event::Alias(id) => {
                self.check_name(&span)?;
                self.anchors.get(&id).and_then(|anchor| anchor.key.clone()).ok_or_else(|| no_key(place))?
            }
            _ => return Err(no_key(place)),
        };
        if let Key::Name(name) = &key {
            self.limits.check_key(place, name)?;
        }
        Ok((key, place))
    }

    fn written_key(&self, written: &Written<'_>) -> Result<Key, Fault> {
        let fault = |message: &str| Fault::new("GO0404", written.place, message);
        match written.scalar {
            Scalar::Text if !self.rules.merges_freely && written.text == "<<" => {
                let message = "a key `<<` in quotes, which `kustomize` would drop";
                Err(fault(message).help("give it another name"))
            }
            Scalar::Text if !self.rules.keys_become_text && written.is_tagged => Err(no_key(written.place)),
            Scalar::Text | Scalar::Merge => Ok(written.key().unwrap_or(Key::Merge)),
            _ if !self.rules.keys_become_text => Err(no_key(written.place)),
            _ => written.key().ok_or_else(|| no_key(written.place)),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        tag: Option<&WrittenTag>,
        span: &Span,
    ) -> Result<Written<'t>, Fault> {
        let place = self.place(span);
        self.limits.check_scalar(place, &text)?;
        self.check_written(&text, style, span)?;
        let tag = Tag::of(tag);
        let plain = style == ScalarStyle::Plain;
        let scalar =
            scalar::resolve(&text, plain, tag, self.rules).map_err(|misfit| no_fit(place, &misfit))?;
        let differs = Difference::of(&text, plain, tag);
        let text = if tag == Tag::Binary { binary(place, &text)?.into() } else { text };
        let is_gap = self.flow > 0 && span.is_empty() && scalar == Scalar::Null;
        let text = if is_gap { Cow::Borrowed("") } else { text };
        let differs = if is_gap { Some(Difference::GAP) } else { differs };
        let scalar = if is_gap && self.rules.gap_is_text { Scalar::Text } else { scalar };
        let is_tagged = matches!(tag, Tag::Binary | Tag::Other);
        Ok(Written { place, text, scalar, is_tagged, differs })
    }

    /// Refuses what is read differently by the reader that is followed.
    fn check_written(&mut self, text: &str, style: ScalarStyle, span: &Span) -> Result<(), Fault> {
        let range = span.byte_range().unwrap_or_default();
        self.scan.scalar(self.text, range.clone(), self.line)?;
        let written = self.text.get(range).unwrap_or_default();
        if style == ScalarStyle::Folded && text.contains("\n ") {
            let folded = differs::folded(self.place(span));
            match self.rules.folds_deeper_lines {
                true => self.warnings.push(folded),
                false => return Err(Fault { code: "GO0401", ..folded }),
            }
        }
        match scan::oddity(text, written, style, self.flow > 0) {
            Some((message, help)) => Err(Fault::syntax(self.place(span), message).help(help)),
            None => Ok(()),
        }
    }

    /// Keeps an anchored scalar for its aliases.
    fn keep(&mut self, anchor: usize, written: Written<'t>) -> Result<Node, Fault> {
        self.anchor_event(anchor)?;
        let key = self.written_key(&written).ok();
        let node = written.node(self.rules)?;
        self.anchors.insert(anchor, Anchor { node: node.clone(), size: 1, key });
        Ok(node)
    }

    /// The parser tells an anchor's name right behind the node that has it.
    fn anchor_event(&mut self, anchor: usize) -> Result<(), Fault> {
        if anchor == 0 {
            return Ok(());
        }
        let (_, span) = self.next()?;
        self.check_name(&span)
    }

    /// The name of an anchor or alias has only characters on which all readers agree.
    fn check_name(&self, span: &Span) -> Result<(), Fault> {
        let name = span.slice(self.text).unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        match name.bytes().skip(1).all(is_plain) {
            true => Ok(()),
            false => Err(Fault::syntax(self.place(span), "the name of an anchor holds an odd character")
                .help("use letters, digits, `-` and `_`")),
        }
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<Node, Fault> {
        let place = self.place(span);
        self.check_name(span)?;
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(Fault::syntax(place, "an alias inside of what it stands for"));
        };
        self.copies += anchor.size;
        match self.copies > self.limits.copies {
            true => Err(Fault::limit(place, "values copied by aliases", self.limits.copies)),
            false => Ok(anchor.node.clone()),
        }
    }

    fn place(&self, span: &Span) -> Place {
        self.place_of(span.start.line(), span.start.col())
    }

    fn place_of(&self, line: usize, column: usize) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { line: self.line + number(line.max(1)) - 1, column: number(column) + 1 }
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let place = self.place_of(error.marker().line(), error.marker().col());
        Fault::syntax(place, error.kind().to_string())
    }
}

fn binary(place: Place, text: &str) -> Result<String, Fault> {
    use base64::Engine;
    let digits: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(digits);
    let bytes = bytes.map_err(|_| Fault::new("GO0404", place, "not base64, which `!!binary` wants"))?;
    String::from_utf8(bytes).map_err(|_| {
        let help = "a ConfigMap takes bytes in base64 under `binaryData`, a Secret under `data`";
        Fault::new("GO0404", place, "bytes that are no text, which JSON can't hold").help(help)
    })
}

fn no_fit(place: Place, Misfit(tag): &Misfit) -> Fault {
    Fault::new("GO0404", place, format!("the value does not fit its tag {}", tag.name()))
}
