//! A quick script in Rust: the same requests by reqwest, one task a worker, with no file, no
//! ledger, no checks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Client,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

/// Sends `rows` requests, `in_flight` at a time; `rate`, where it is not 0, a second at most.
pub(crate) fn send(url: &str, rows: u64, in_flight: usize, rate: u64) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(in_flight)
        .build()
        .expect("a client");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("threads").block_on(async {
        let next = Arc::new(AtomicU64::new(0));
        let permits = (rate > 0).then(|| pace(rate));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..in_flight {
            let (client, next, permits) = (client.clone(), Arc::clone(&next), permits.clone());
            let url = url.to_owned();
            workers.spawn(async move {
                loop {
                    let row = next.fetch_add(1, Ordering::Relaxed);
                    if row >= rows {
                        return;
                    }
                    if let Some(permits) = &permits {
                        permits.acquire().await.expect("never closed").forget();
                    }
                    post(&client, &url, row).await;
                }
            });
        }
        while let Some(done) = workers.join_next().await {
            done.expect("no panic");
        }
    });
}

async fn post(client: &Client, url: &str, row: u64) {
    let response = client
        .post(format!("{url}/api/v2/users/auth0%7C{row:024x}/authentication-methods"))
        .header(AUTHORIZATION, "Bearer bench")
        .header(CONTENT_TYPE, "application/json")
        .body(format!(
            r#"{{"type":"phone","name":"Work phone","phone_number":"+1{:010}","preferred_authentication_method":"sms"}}"#,
            2_000_000_000 + row
        ))
        .send()
        .await
        .expect("the server answers");
    assert_eq!(response.status(), 201);
    response.bytes().await.expect("a body");
}

/// One task that hands out permits as they fall due, with a sleep of a millisecond at least
/// between.
fn pace(rate: u64) -> Arc<Semaphore> {
    let permits = Arc::new(Semaphore::new(0));
    let given = Arc::clone(&permits);
    tokio::spawn(async move {
        let began = Instant::now();
        let mut so_far = 0;
        loop {
            let next = began + Duration::from_micros((so_far + 1) * 1_000_000 / rate);
            sleep_until(next.max(Instant::now() + Duration::from_millis(1))).await;
            #[expect(clippy::cast_possible_truncation, reason = "minutes, at thousands a second")]
            let due = began.elapsed().as_micros() as u64 * rate / 1_000_000;
            given.add_permits(usize::try_from(due - so_far).expect("a few"));
            so_far = due;
        }
    });
    permits
}
