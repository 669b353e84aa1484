import EventModel
import EventStore
import Synchronization
import ViewKit

/// Tells one hook of a database's events, behind its own clock, in the feed's order, each at least once.
///
/// A batch is handed over, then the clock behind it is written, durably: whatever ends the process, a batch may come again, and none is left
/// out. An event that its type can't read isn't handed over; the clock moves on over it.
struct HookRunner: Sendable {
  let database: OpenedDatabase
  let hook: CompiledHook
  let node: LaterbaseNode

  private static let eventsMax = 500
  private static let bytesMax = 1 << 20

  private struct Batch: Sendable {
    /// The clock that was kept when it was read.
    var start: Clock
    var end: Clock
    var events: [(event: AnyEvent, when: Happened)] = []
  }

  /// Runs until cancelled, or the database is closed.
  func run() async {
    var backoff = Backoff()
    let changes = database.set.changes
    while !Task.isCancelled, !changes.isClosed {
      let seen = changes.version
      do {
        let batch = try await next()
        guard batch.start != batch.end else {
          await changes.wait(after: seen)
          continue
        }
        if !batch.events.isEmpty { try await hook.tell(batch.events) }
        try await keep(batch)
        succeeded(&backoff)
      } catch {
        if Task.isCancelled || changes.isClosed { return }
        failed(&backoff, error)
        if let pause = backoff.pause(node.world) { try? await Task.sleep(for: pause) }
      }
    }
  }

  private func succeeded(_ backoff: inout Backoff) {
    if backoff.isFailing { tell(nil) }
    backoff.succeeded()
  }

  private func failed(_ backoff: inout Backoff, _ error: any Error) {
    if !backoff.isFailing { tell(String("\(error)".prefix(500))) }
    backoff.failed()
  }

  private func tell(_ failure: String?) {
    database.hookFailures.set(hook.name, failure)
    node.options.onHookNews(HookNews(database: database.name, hook: hook.name, failure: failure))
  }

  /// Reads on a thread that may wait for the disk.
  private func next() async throws -> Batch {
    let outcome = await onThread { [self] () -> Result<Batch, LaterbaseError> in
      do throws(LaterbaseError) { return .success(try database.reading { (set) throws(StoreError) in try read(set) }) } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private func read(_ set: EventSet) throws(StoreError) -> Batch {
    let start = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try KeptClock.read(hook.clockName, reader)
    }
    var batch = Batch(start: start, end: start)
    var bytes = 0
    let events = database.declared ?? .undeclared(database.name)
    batch.end = try set.feed(after: start) { (stored, body) throws(StoreError) in
      let decoded = events.decode(JSON(normalForm: [UInt8](copying: body)))
      if case .success(let event) = decoded.event {
        batch.events.append((event, Happened(id: stored.ulid, digest: Digest.sha256(body).first16)))
      }
      bytes += body.byteCount
      return batch.events.count < Self.eventsMax && bytes < Self.bytesMax
    }.clock
    return batch
  }

  /// Writes the clock behind a batch; not if it was taken back meanwhile (`KeptClock.lower`), for what lies behind that must come again.
  private func keep(_ batch: Batch) async throws(StoreError) {
    try await database.set.slice(WriteSize(bytes: batch.end.tokenBytes.count, events: 1)) {
      [name = hook.clockName] (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      guard try KeptClock.read(name, writer) == batch.start else { return }
      try KeptClock.write(name, batch.end, writer)
    }
  }
}

extension CompiledHook {
  /// Under which its clock is kept.
  var clockName: String { "hook \(name)" }
}

/// Why hooks fail at the moment, by their names. The mutex owns the texts.
final class HookFailures: Sendable {
  private let texts = Mutex<[String: String]>([:])

  subscript(hook: String) -> String? { texts.withLock { $0[hook] } }
  func set(_ hook: String, _ failure: String?) { texts.withLock { $0[hook] = failure } }
}
