import EventStore
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One process a data folder: a `flock` on `<data>/lock`, held until `release` or the end of the process, however it ends.
///
/// The file holds three lines: the process id, the address it serves at, and how many processes in a row before this one ended without letting
/// go. It stays behind, empty, because removing it would race; so one that isn't empty tells that the last process was killed, or crashed.
/// A process that ends well but has not looked at all that such an end made doubtful hands on what is left: process id 0, no address, the
/// count, then a name a line.
final class FolderLock: Sendable {
  private let path: String
  /// How many processes in a row have ended without `release`, up to the one before this.
  let uncleanEnds: Int
  /// Of these, what is not looked at yet; nil: everything.
  let unsettled: [String]?
  private let state: Mutex<State>

  private struct State {
    /// The descriptor, -1 after the release.
    var file: Int32
    var address: String
    /// The count that the next process finds if this one is killed, less one.
    var ends: Int
  }

  /// Takes the lock, or throws `inUse` naming who has it.
  init(folder: String, address: String) throws(StoreError) {
    path = folder + "/lock"
    let file = try FileSystem.descriptor(path, O_RDWR | O_CREAT | O_CLOEXEC)
    if flock(file, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      _ = close(file)
      if code == EWOULDBLOCK { throw StoreError(.inUse, "\(folder) is in use by \(Self.holder(path))") }
      throw LMDBCode(code).error("lock", path)
    }
    (uncleanEnds, unsettled) = Self.uncleanEnds(Self.lines(path))
    state = Mutex(State(file: file, address: address, ends: uncleanEnds))
    try write(address)
  }

  deinit { release(unsettled: unsettled) }

  /// Writes who holds the lock, for the next one that wants it.
  func write(_ address: String) throws(StoreError) {
    try change { $0.address = address }
  }

  /// This process has lasted: what ended those before it doesn't end every one.
  func forgetUncleanEnds() throws(StoreError) { try change { $0.ends = 0 } }

  private func change(_ body: (inout State) -> Void) throws(StoreError) {
    try state.withLock { (state) throws(StoreError) in
      if state.file < 0 { throw StoreError(.closed, "\(path) was released") }
      body(&state)
      try write("\(getpid())\n\(state.address)\n\(state.ends)\n", to: state.file)
    }
  }

  /// The file is never empty meanwhile: that would say that all is well.
  private func write(_ text: String, to file: Int32) throws(StoreError) {
    if lseek(file, 0, SEEK_SET) != 0 { throw LMDBCode(errno).error("write", path) }
    try FileSystem.writeAll(Array(text.utf8), to: file, path)
    if ftruncate(file, off_t(text.utf8.count)) != 0 || !FileSystem.flush(file) { throw LMDBCode(errno).error("write", path) }
  }

  var isReleased: Bool { state.withLock { $0.file < 0 } }

  /// - Parameter unsettled: what the next process has to look at, after those unclean ends that this one knows of; nil: everything.
  func release(unsettled: [String]?) {
    state.withLock { state in
      let file = state.file
      if file < 0 { return }
      if uncleanEnds == 0 || unsettled?.isEmpty == true {
        _ = ftruncate(file, 0)
      } else if let unsettled {
        try? write("0\n\n\(uncleanEnds)\n" + unsettled.joined(separator: "\n"), to: file)
      }
      // Closing alone isn't enough: a process that is just being started has a copy of the descriptor until it runs its own program.
      _ = flock(file, LOCK_UN)
      _ = close(file)
      state.file = -1
    }
  }

  private static func lines(_ path: String) -> [Substring] {
    String(decoding: (try? FileSystem.contents(path)).flatMap { $0 } ?? [], as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
  }

  private static func uncleanEnds(_ lines: [Substring]) -> (Int, [String]?) {
    guard let pid = lines.first, !pid.isEmpty else { return (0, []) }
    let before = min(max(lines.count > 2 ? Int(lines[2]) ?? 0 : 0, 0), 1_000_000)
    return pid == "0" ? (before, lines.dropFirst(3).filter { !$0.isEmpty }.map(String.init)) : (before + 1, nil)
  }

  private static func holder(_ path: String) -> String {
    let lines = lines(path)
    guard let pid = lines.first, !pid.isEmpty else { return "another process" }
    return lines.count > 1 && !lines[1].isEmpty ? "process \(pid) at \(lines[1])" : "process \(pid)"
  }
}
