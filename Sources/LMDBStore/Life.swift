import EventStore
import Synchronization

/// How a store's environment is opened: the first time, and each time after it was closed.
final class Life: Sendable {
  let folder: String
  let readOnly: Bool
  let doubt = Doubt()
  private let state: Mutex<State>

  private struct State {
    /// The least map to open with; nil: what the file asks for.
    var mapBytes: Int?
    var mayCreate: Bool
    var flushNext = false
    /// How many processes in a row that had the folder before this one were killed, or crashed. Of meaning until the file was looked at.
    var uncleanEnds: Int
  }

  /// A file up to so many bytes is walked whole after one end that was not clean. For a GiB that takes half a second if it is in the page cache,
  /// as it is when a process was killed, and five or six seconds on a fast disk when it isn't.
  private static let walkBytesMax: UInt64 = 1 << 30

  init(folder: String, mapBytes: Int?, readOnly: Bool, create: Bool, uncleanEnds: Int) {
    (self.folder, self.readOnly) = (folder, readOnly)
    state = Mutex(State(mapBytes: mapBytes, mayCreate: create && !readOnly, uncleanEnds: uncleanEnds))
  }

  /// The next opening gets four times the map that was full.
  func grow(beyond mapBytes: Int) { state.withLock { $0.mapBytes = mapBytes * 4 } }

  /// The next opening flushes the file before anything is read from it.
  func flushNext() { state.withLock { $0.flushNext = true } }

  /// Opens the environment; called by the gate, by one thread at a time.
  func open() throws(StoreError) -> Environment {
    do throws(StoreError) { return try openNow() } catch {
      if error.code == .damaged { doubt.tell(error.message) }
      throw error
    }
  }

  private func openNow() throws(StoreError) -> Environment {
    let now = state.withLock { $0 }
    if !FileSystem.exists(Environment.dataFile(folder)) {
      guard now.mayCreate else { throw StoreError(.storage, "\(folder): no database is there") }
      try Environment.create(folder, mapBytes: now.mapBytes ?? Environment.mapBytesDefault)
    }
    if try FileSystem.fileBytes(Environment.dataFile(folder)) == 0 { throw StoreError(.damaged, "\(folder): data.mdb is empty") }
    // A reader beside the writer would look at a file that grows under its eyes.
    if !readOnly { try look(after: now.uncleanEnds) }
    let usual = try Environment.mapBytes(folder)
    let environment = try Environment.open(folder, mapBytes: now.mapBytes ?? usual, readOnly: readOnly, doubt: doubt)
    if now.flushNext && !readOnly {
      do throws(StoreError) {
        try environment.flush()
      } catch {
        environment.close()
        throw error
      }
    }
    // Made at most once: what has vanished later must not come back empty.
    state.withLock { ($0.mayCreate, $0.flushNext, $0.uncleanEnds) = (false, false, 0) }
    return environment
  }

  /// Looks at the file before it is mapped. After a clean end that costs nothing.
  ///
  /// The page that ended one process would end the next, for ever where something starts it again. So after a second such end the trees are
  /// walked whatever that costs; and what only a whole check sees is left to that, which is asked for.
  private func look(after uncleanEnds: Int) throws(StoreError) {
    let path = Environment.dataFile(folder)
    let isLarge = try FileSystem.fileBytes(path) > Self.walkBytesMax
    try PageWalk.check(path, whole: uncleanEnds > 1 || uncleanEnds == 1 && !isLarge)
    if uncleanEnds > 1 || uncleanEnds == 1 && isLarge {
      doubt.tell("\(folder): the process that had it was killed, or crashed\(uncleanEnds > 1 ? ", \(uncleanEnds) times in a row" : "")")
    }
  }
}
