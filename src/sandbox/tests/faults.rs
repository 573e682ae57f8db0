//! Faults and outages as a client meets them.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::client::{PHONE, eventually, methods, open, post, read, request, start};
use crate::sandbox::{Fault, FaultKind, Outage, OutageKind, Sandbox, Settings};

pub(super) fn faulty(faults: &str) -> Settings {
    Settings { faults: Fault::parse_list(faults).unwrap(), late_by_ms: 50, ..Settings::default() }
}

#[tokio::test]
async fn every_fault_does_what_its_row_says() {
    // Whether the method exists in the end, and what the client sees: a status, or how it broke.
    let rows = [
        ("429", false, "429"),
        ("429-bare", false, "429"),
        ("401", false, "401"),
        ("403-plan", false, "403"),
        ("307-before", false, "307"),
        ("500-before", false, "500"),
        ("500-after", true, "500"),
        ("502-html-before", false, "502 html"),
        ("502-html-after", true, "502 html"),
        ("503-before", false, "503"),
        ("503-after", true, "503"),
        ("408-before", false, "408"),
        ("408-after", true, "408"),
        ("close-before", false, "closed"),
        ("close-after", true, "closed"),
        ("reset-before", false, "reset"),
        ("reset-after", true, "reset"),
        ("late", true, "201"),
        ("late-write", true, "closed"),
        ("hang", false, "silence"),
        ("cut", true, "201 cut"),
        ("not-json", true, "201 html"),
        ("empty-201", true, "201 empty"),
        ("drip", true, "silence"),
        ("endless", true, "201 endless"),
    ];
    assert_eq!(
        rows.map(|(name, ..)| name).to_vec(),
        FaultKind::all().map(FaultKind::name).collect::<Vec<_>>()
    );
    for (name, exists, expect) in rows {
        let sandbox = start(faulty(&format!("{name}=100%"))).await;
        let patience = if expect == "silence" { 200 } else { 5000 };
        assert_eq!(seen(&sandbox, Duration::from_millis(patience)).await, expect, "{name}");
        if exists {
            eventually(|| !sandbox.state().is_empty()).await;
        }
        assert_eq!(!sandbox.state().is_empty(), exists, "{name}");
        assert_eq!(sandbox.stats().faults[name], 1);
        sandbox.stop().await;
    }
}

/// Returns what a POST looks like to its client.
async fn seen(sandbox: &Sandbox, patience: Duration) -> String {
    let mut stream = open(sandbox, &request("POST", &methods("1"), PHONE)).await;
    let mut head = [0; 2048];
    let reading = async {
        let length = stream.peek(&mut head).await?;
        if head[..length].windows(7).any(|piece| piece == b"chunked") {
            // Twice what any sound answer has.
            stream.read_exact(&mut [0; 4096]).await?;
            return Ok(None);
        }
        read(stream).await.map(Some)
    };
    match timeout(patience, reading).await {
        Err(_) => "silence".into(),
        Ok(Ok(None)) => "201 endless".into(),
        Ok(Ok(Some(reply))) if !reply.is_whole() => format!("{} cut", reply.status),
        Ok(Ok(Some(reply))) if reply.body.starts_with("<!DOCTYPE") => {
            format!("{} html", reply.status)
        }
        Ok(Ok(Some(reply))) if reply.status == 201 && reply.body.is_empty() => "201 empty".into(),
        Ok(Ok(Some(reply))) => reply.status.to_string(),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => "reset".into(),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => "closed".into(),
        Ok(Err(error)) => error.to_string(),
    }
}

#[tokio::test]
async fn late_write_lands_after_the_connection_has_ended() {
    let sandbox = start(Settings { late_by_ms: 300, ..faulty("late-write=100%x1") }).await;
    assert!(post(&sandbox, "1").await.is_err());
    assert!(sandbox.state().is_empty() && sandbox.stats().in_flight == 0);
    eventually(|| sandbox.stats().created == 1).await;
}

#[tokio::test]
async fn client_that_gives_up_is_no_longer_in_flight() {
    let sandbox = start(faulty("hang=100%x1")).await;
    let stream = open(&sandbox, &request("POST", &methods("1"), PHONE)).await;
    eventually(|| sandbox.stats().in_flight == 1).await;
    drop(stream);
    eventually(|| sandbox.stats().in_flight == 0).await;
    assert_eq!(post(&sandbox, "1").await.unwrap().status, 201);
    assert_eq!(sandbox.stats().overlaps, 0);
}

#[tokio::test]
async fn bare_429_has_no_bucket_and_the_other_has_an_empty_one() {
    let full = post(&start(faulty("429=1")).await, "1").await.unwrap();
    assert_eq!(full.number("x-ratelimit-remaining"), 0);
    let bare = post(&start(faulty("429-bare=1")).await, "1").await.unwrap();
    assert_eq!(bare.header("x-ratelimit-remaining"), None);
}

#[tokio::test]
async fn schedule_of_faults_repeats_with_the_seed() {
    let run = async |seed| {
        let sandbox = start(Settings { seed, ..faulty("503-after=30%,close-before=20%") }).await;
        let mut seen = Vec::new();
        for user in 0..40 {
            seen.push(post(&sandbox, &user.to_string()).await.map(|reply| reply.status).ok());
        }
        seen
    };
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
    assert!(first.contains(&None) && first.contains(&Some(503)) && first.contains(&Some(201)));
}

#[tokio::test]
async fn outage_answers_nothing_and_ends() {
    let outages = |to_s, kind| {
        let outages = vec![Outage { from_s: 0.0, to_s, kind }];
        Settings { outages, ..Settings::default() }
    };
    let down = start(outages(3600.0, OutageKind::Refuse503)).await;
    assert_eq!(post(&down, "1").await.unwrap().status, 503);
    let gone = start(outages(3600.0, OutageKind::Drop)).await;
    let error = post(&gone, "1").await.map(|reply| reply.status).unwrap_err();
    assert_eq!((error.kind(), gone.stats().outages), (io::ErrorKind::UnexpectedEof, 1));
    let back = start(outages(0.1, OutageKind::Drop)).await;
    let ended = async {
        loop {
            if let Ok(reply) = post(&back, "1").await {
                return reply.status;
            }
        }
    };
    assert_eq!(timeout(Duration::from_secs(60), ended).await.unwrap(), 201);
}
