//! What a plan keeps, while others work on the same folder or with the same state.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// Applies what may be applied, and leaves what the other one has.
async fn apply_what_may_be(world: &World) {
    let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
    let (mut session, _) = world.begin(&cx, Access::Write).await;
    let plan = session.engine.plan(&cx).await.unwrap();
    session.engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await.unwrap();
}

/// Two applications over one folder, which claim the same files and leave them.
#[tokio::test]
async fn beside_another_application_over_the_folder_a_plan_that_goes_on_is_the_plan_that_begins_anew() {
    let mut seed = 11;
    let site = World::with_files(12);
    let pages = World::of(site.folder.clone(), "pages");
    let both = [&site, &pages];
    pages.declare("pages.conf", "of pages\n");
    pages.commit();
    apply_what_may_be(&site).await;
    apply_what_may_be(&pages).await;
    let mut saved = 0;
    for step in 0..48 {
        let (one, file) = (both[next(&mut seed) % 2], name(next(&mut seed) % 12));
        match next(&mut seed) % 6 {
            0..3 => one.declare(&file, &format!("of {} in step {step}\n", one.config.name)),
            3 => drop(fs::remove_file(one.origin(&file))),
            4 => drop(fs::write(one.live(&file), format!("by hand in step {step}\n"))),
            _ => drop(fs::remove_file(label(&one.live(&file)))),
        }
        one.commit();
        for world in both {
            let (plan, cost) = world.plan().await;
            let of = &world.config.name;
            assert_eq!(shown(&plan), shown(&world.plan_anew().await), "{of} in step {step}");
            saved += usize::from(cost.considered < 6);
        }
        if step % 3 == 2 {
            apply_what_may_be(one).await;
        }
    }
    assert!(saved > 12, "only {saved} of 96 plans looked at less than half");
}

/// A run of the engine, with what it tells.
struct Told {
    cx: Cx,
    events: UnboundedReceiver<Event>,
}

impl Told {
    /// What comes up to an event that is waited for, itself included.
    async fn until(&mut self, is: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut all = Vec::new();
        loop {
            let event = self.events.recv().await.expect("the run ended before it told of that");
            let is_it = is(&event);
            all.push(event);
            if is_it {
                return all;
            }
        }
    }
}

/// Keeps the application at work while something happens, and stops it after that.
async fn while_it_runs(world: &World, work: impl AsyncFnOnce(&mut Told)) {
    let cx = Cx::new(Arc::new(Ahead), Arc::new(System)).within(Duration::from_secs(120)).child();
    let (tell, events) = unbounded_channel();
    let sink = Arc::new(move |event: &Event| drop(tell.send(event.clone())));
    let builder = Session::builder(&world.config).access(Access::Write).events(sink);
    let mut session = builder.open(&cx).await.unwrap();
    let mut told = Told { cx: cx.clone(), events };
    let run = session.engine.run(&cx, Duration::from_millis(50));
    let work = async {
        work(&mut told).await;
        told.cx.cancel();
    };
    let (ran, ()) = tokio::join!(Box::pin(run), Box::pin(work));
    ran.unwrap();
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Finished { .. })
}

fn is_applied(name: &str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Applied { key, .. } if key.name() == name)
}

#[tokio::test]
async fn a_run_goes_on_from_what_a_plan_kept_and_repairs_what_happened_since() {
    let world = World::with_files(30);
    world.apply().await;
    world.plan().await;
    fs::write(world.live(&name(3)), "by hand\n").unwrap();
    fs::remove_file(world.live(&name(5))).unwrap();
    world.declare(&name(4), "second\n");
    world.commit();
    while_it_runs(&world, async |told| {
        let events = told.until(is_end).await;
        let considered = events.iter().find_map(|event| match event {
            Event::Planned { considered, .. } => Some(*considered),
            _ => None,
        });
        assert_eq!(considered, Some(3), "what was touched, and nothing else: {events:?}");
    })
    .await;
    for (index, text) in [(3, "first 3\n"), (4, "second\n"), (5, "first 5\n")] {
        assert_eq!(fs::read_to_string(world.live(&name(index))).unwrap(), text);
    }
    assert!(world.plan().await.0.is_empty() && world.plan_anew().await.is_empty());
}

#[tokio::test]
async fn plans_of_other_processes_while_it_runs_are_right_and_in_nobodys_way() {
    let world = World::with_files(30);
    world.apply().await;
    world.plan().await;
    while_it_runs(&world, async |told| {
        told.until(|event| matches!(event, Event::Planned { .. })).await;
        for step in 0..4 {
            let (declared, touched) = (name(step), name(step + 10));
            world.declare(&declared, &format!("in step {step}\n"));
            world.commit();
            let other = world.plan().await.0;
            assert!(other.steps.len() <= 1, "{other:?}");
            told.until(is_applied(&declared)).await;
            told.until(is_end).await;
            assert!(world.plan().await.0.is_empty(), "what the other process had kept is older");
            fs::write(world.live(&touched), "by hand\n").unwrap();
            told.until(is_applied(&touched)).await;
            told.until(is_end).await;
            assert!(world.plan().await.0.is_empty());
        }
    })
    .await;
    let (plan, _) = world.plan().await;
    assert!(plan.is_empty());
    assert_eq!(shown(&plan), shown(&world.plan_anew().await));
    fs::write(world.live(&name(20)), "by hand\n").unwrap();
    let (plan, cost) = world.plan().await;
    assert_eq!((plan.steps.len(), cost.rendered), (1, 0), "{cost:?}");
}

/// The clock of a file system goes in steps: a file may be written twice within one, and its times say nothing of it.
#[tokio::test]
async fn a_file_that_is_written_again_within_a_tick_of_the_clock_is_looked_at() {
    let world = World::with_files(3);
    world.apply().await;
    let live = world.live(&name(1));
    for round in 0..20 {
        let cx = Cx::system();
        let path = live.clone();
        // Written as it is declared just before the look, and otherwise just after it: of the same length.
        let events = Arc::new(move |event: &Event| match event {
            Event::Resolved { .. } => fs::write(&path, "first 1\n").unwrap(),
            Event::Planned { .. } => fs::write(&path, "by hand\n").unwrap(),
            _ => {}
        });
        let mut session = Session::builder(&world.config).events(events).open(&cx).await.unwrap();
        session.engine.plan(&cx).await.unwrap();
        drop(session);
        let mut next = Session::builder(&world.config).open(&cx).await.unwrap();
        let plan = next.engine.plan(&cx).await.unwrap();
        assert_eq!(plan.steps.len(), 1, "in round {round}: {plan:?}");
    }
}
