//! Machines of one application that share a store: which of them is in office, and what a deposed one may still do.

use std::collections::BTreeSet;

use super::check;
use super::disk::Disk;
use super::grant::Turns;
use super::origin::Origin;
use super::state::{App, Inner, SECOND};
use crate::state::inventory::Inventory;
use crate::value::{Key, Uid};

/// What all machines of an application have in common.
pub(super) struct House {
    pub origin: Origin,
    /// The machine whose engine took over last, and since when.
    pub office: usize,
    since: i64,
    /// How its machines take turns, if they do.
    pub turns: Option<Turns>,
    /// What a deposed engine made that stood still between its last look at the store and its sending: nobody can
    /// prevent it, and nobody knows of it.
    pub strays: BTreeSet<(Key, Uid)>,
}

impl House {
    pub fn new(origin: Origin, office: usize) -> Self {
        Self { origin, office, since: 0, turns: None, strays: BTreeSet::new() }
    }
}

/// An engine's last look at the index of a shared store.
#[derive(Debug, Default)]
pub(super) struct Look {
    at: i64,
    /// How many changes it has sent since.
    sent: usize,
    /// Whether it stood still since.
    pub stood_still: bool,
}

impl Inner {
    pub fn origin(&self, app: usize) -> &Origin {
        &self.houses[self.apps[app].house].origin
    }

    /// Adds a second machine, with a journal of its own, over the same source and store.
    pub fn add_rival(&mut self, app: usize) {
        let App { name, house, disk, .. } = &self.apps[app];
        let (name, house, store) = (name.clone(), *house, disk.store.clone());
        self.add_machine(&name, house, Disk::beside(store));
    }

    /// Whether the application runs on several machines.
    pub fn has_rivals(&self, app: usize) -> bool {
        let house = self.apps[app].house;
        self.apps.iter().filter(|app| app.house == house).count() > 1
    }

    /// The machine whose engine is in office.
    pub fn office(&self, app: usize) -> usize {
        self.houses[self.apps[app].house].office
    }

    pub fn is_deposed(&self, app: usize) -> bool {
        self.office(app) != app
    }

    /// An engine was told what the index of the store is.
    pub fn looked(&mut self, life: usize) {
        let stood_still = self.lives[life].paused;
        self.lives[life].look = Look { at: self.now, sent: 0, stood_still };
    }

    /// An engine has written the index, which only the one in office can. If it was another one, then what the store
    /// says is what is known of the application from now on.
    pub fn takes_office(&mut self, app: usize, inventory: Inventory) {
        if !self.is_deposed(app) {
            return;
        }
        let (now, house) = (self.now, self.apps[app].house);
        let own = &mut self.houses[house];
        (own.office, own.since) = (app, now);
        let book = &mut self.apps[app].book;
        // That it recovered them is in its audit log.
        book.audited.extend(inventory.open().map(|intent| intent.op.clone()));
        book.shadow = inventory;
        self.say(format_args!("a{app} is in office"));
        check::took_office(self, app);
    }

    /// A deposed engine may send what it was about to send when it was told last that it is in office: for ten seconds
    /// and a little, or as long as it stands still.
    pub fn may_still_send(&mut self, life: usize, deletes: bool) -> bool {
        let app = self.lives[life].app;
        let since = self.houses[self.apps[app].house].since;
        let (now, is_deposed) = (self.now, self.is_deposed(app));
        let look = &mut self.lives[life].look;
        look.sent += 1;
        let lasts = if deletes { SECOND } else { 11 * SECOND };
        let is_recent = look.stood_still || now - look.at <= lasts;
        !is_deposed || (look.at <= since && look.sent <= 50 && is_recent)
    }

    /// Whether what an engine sends now can't be known to its successor.
    pub fn sends_astray(&self, life: usize) -> bool {
        self.is_deposed(self.lives[life].app) && self.lives[life].look.stood_still
    }

    /// Notes what a change that went astray made.
    pub fn note_strays(&mut self, app: usize, key: &Key) {
        let house = self.apps[app].house;
        let made = self.server.at(key).filter(|item| item.maker == Some(house));
        let made: Vec<(Key, Uid)> = made.map(|item| (item.key.clone(), item.uid.clone())).collect();
        self.houses[house].strays.extend(made);
    }
}
