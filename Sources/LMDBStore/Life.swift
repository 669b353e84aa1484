import EventStore
import Synchronization

/// How a store's environment is opened: the first time, and each time after it was closed.
final class Life: Sendable {
  let folder: String
  let readOnly: Bool
  private let state: Mutex<State>

  private struct State {
    /// The least map to open with; nil: what the file asks for.
    var mapBytes: Int?
    var mayCreate: Bool
    var flushNext = false
  }

  init(folder: String, mapBytes: Int?, readOnly: Bool, create: Bool) {
    (self.folder, self.readOnly) = (folder, readOnly)
    state = Mutex(State(mapBytes: mapBytes, mayCreate: create && !readOnly))
  }

  /// The next opening gets four times the map that was full.
  func grow(beyond mapBytes: Int) { state.withLock { $0.mapBytes = mapBytes * 4 } }

  /// The next opening flushes the file before anything is read from it.
  func flushNext() { state.withLock { $0.flushNext = true } }

  /// Opens the environment; called by the gate, by one thread at a time.
  func open() throws(StoreError) -> Environment {
    let now = state.withLock { $0 }
    if !FileSystem.exists(Environment.dataFile(folder)) {
      guard now.mayCreate else { throw StoreError(.storage, "\(folder): no database is there") }
      try Environment.create(folder, mapBytes: now.mapBytes ?? Environment.mapBytesDefault)
    }
    if try FileSystem.fileBytes(Environment.dataFile(folder)) == 0 { throw StoreError(.damaged, "\(folder): data.mdb is empty") }
    // A reader beside the writer would look at a file that grows under its eyes.
    if !readOnly { try PageWalk.check(Environment.dataFile(folder)) }
    let usual = try Environment.mapBytes(folder)
    let environment = try Environment.open(folder, mapBytes: now.mapBytes ?? usual, readOnly: readOnly)
    if now.flushNext && !readOnly {
      do throws(StoreError) {
        try environment.flush()
      } catch {
        environment.close()
        throw error
      }
    }
    // Made at most once: what has vanished later must not come back empty.
    state.withLock { ($0.mayCreate, $0.flushNext) = (false, false) }
    return environment
  }
}
