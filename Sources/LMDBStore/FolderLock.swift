import EventStore
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One process a data folder: a `flock` on `<data>/lock`, held until `release` or the end of the process, however it ends.
///
/// The file holds two lines, the process id and the address it serves at; it stays behind, empty, because removing it would race.
final class FolderLock: Sendable {
  private let path: String
  /// The descriptor, -1 after the release.
  private let file: Mutex<Int32>

  /// Takes the lock, or throws `inUse` naming who has it.
  init(folder: String, address: String) throws(StoreError) {
    path = folder + "/lock"
    // A throw from here on runs `deinit`, which must not touch a descriptor that was closed: its number may be another file's by then.
    self.file = Mutex(-1)
    let file = try FileSystem.descriptor(path, O_RDWR | O_CREAT | O_CLOEXEC)
    if flock(file, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      _ = close(file)
      if code == EWOULDBLOCK { throw StoreError(.inUse, "\(folder) is in use by \(Self.holder(path))") }
      throw LMDBCode(code).error("lock", path)
    }
    self.file.withLock { $0 = file }
    try write(address)
  }

  deinit { release() }

  /// Writes who holds the lock, for the next one that wants it.
  func write(_ address: String) throws(StoreError) {
    try file.withLock { (file) throws(StoreError) in
      if file < 0 { throw StoreError(.closed, "\(path) was released") }
      if ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0 { throw LMDBCode(errno).error("write", path) }
      try FileSystem.writeAll(Array("\(getpid())\n\(address)\n".utf8), to: file, path)
    }
  }

  var isReleased: Bool { file.withLock { $0 < 0 } }

  func release() {
    file.withLock { file in
      if file < 0 { return }
      _ = ftruncate(file, 0)
      // Closing alone isn't enough: a process that is just being started has a copy of the descriptor until it runs its own program.
      _ = flock(file, LOCK_UN)
      _ = close(file)
      file = -1
    }
  }

  private static func holder(_ path: String) -> String {
    let text = String(decoding: (try? FileSystem.contents(path)).flatMap { $0 } ?? [], as: UTF8.self)
    let lines = text.split(separator: "\n")
    guard let pid = lines.first else { return "another process" }
    return lines.count > 1 ? "process \(pid) at \(lines[1])" : "process \(pid)"
  }
}
