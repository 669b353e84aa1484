import CLMDB
import EventModel
import EventStore

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// `unsafe` in this file: calls of the C library with pointers that live as long as the call.

/// The calls of the file system that a store needs, each with its error.
enum FileSystem {
  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Makes a folder and those above it, and flushes the folder above each that was made.
  static func makeFolder(_ path: String) throws(StoreError) {
    if exists(path) { return }
    let above = parent(of: path)
    try makeFolder(above)
    try makeFolderHere(path)
    try flushFolder(above)
  }

  /// Makes a folder in one that is there, without a flush.
  static func makeFolderHere(_ path: String) throws(StoreError) {
    if unsafe mkdir(path, 0o700) == 0 { return }
    let code = errno
    if code != EEXIST { throw LMDBCode(code).error("make folder", path) }
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Flushes a folder's list of files: a new file or a rename is on disk only after this.
  static func flushFolder(_ path: String) throws(StoreError) {
    let file = try descriptor(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { _ = close(file) }
    if !flush(file) { throw LMDBCode(errno).error("flush folder", path) }
  }

  /// Waits until the device has it: on macOS `fsync` alone leaves it in the device's cache.
  static func flush(_ file: Int32) -> Bool {
    #if canImport(Darwin)
      if fcntl(file, F_FULLFSYNC) == 0 { return true }
    #endif
    return fsync(file) == 0
  }

  static func descriptor(_ path: String, _ flags: Int32) throws(StoreError) -> Int32 {
    let file = unsafe open(path, flags, 0o600 as mode_t)
    if file < 0 { throw LMDBCode(errno).error("open", path) }
    return file
  }

  /// Makes an empty file, unless it is there.
  static func makeFile(_ path: String) throws(StoreError) { close(try descriptor(path, O_WRONLY | O_CREAT | O_CLOEXEC)) }

  /// The whole file, or nil if it isn't there.
  static func contents(_ path: String) throws(StoreError) -> [UInt8]? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 {
      let code = errno
      if code == ENOENT { return nil }
      throw LMDBCode(code).error("open", path)
    }
    defer { _ = close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
      if got < 0 {
        if errno == EINTR { continue }
        throw LMDBCode(errno).error("read", path)
      }
      if got == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<got])
    }
  }

  static func writeAll(_ bytes: [UInt8], to file: Int32, _ path: String) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let written = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress.map { unsafe $0 + done }, $0.count - done) }
      if written < 0 {
        if errno == EINTR { continue }
        throw LMDBCode(errno).error("write", path)
      }
      done += written
    }
  }

  /// Puts a file in place whole: a new file, flushed, renamed over the old one, the folder flushed. A crash leaves the old or the new one.
  static func replace(_ path: String, with bytes: [UInt8]) throws(StoreError) {
    let new = path + ".new"
    let file = try descriptor(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    do {
      defer { _ = close(file) }
      try writeAll(bytes, to: file, new)
      if !flush(file) { throw LMDBCode(errno).error("flush", new) }
    }
    try move(new, to: path)
  }

  /// Renames and flushes the folder that both names are in.
  static func move(_ path: String, to new: String) throws(StoreError) {
    if unsafe rename(path, new) != 0 { throw LMDBCode(errno).error("rename", path) }
    try flushFolder(parent(of: new))
  }

  /// The names in a folder, without `.` and `..`, in no order; none if the folder isn't there.
  static func names(in folder: String) throws(StoreError) -> [String] {
    guard let handle = unsafe opendir(folder) else {
      let code = errno
      if code == ENOENT { return [] }
      throw LMDBCode(code).error("list", folder)
    }
    defer { _ = unsafe closedir(handle) }
    var names: [String] = []
    while let entry = unsafe readdir(handle) {
      // The name is a C string inside the entry; its declared length is only an upper bound.
      let start = unsafe UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 0)
      let name = unsafe String(cString: start.assumingMemoryBound(to: CChar.self))
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes a file, or a folder with all that is in it.
  static func removeTree(_ path: String) throws(StoreError) {
    if unsafe unlink(path) == 0 || errno == ENOENT { return }
    for name in try names(in: path) { try removeTree(path + "/" + name) }
    if unsafe rmdir(path) != 0 { throw LMDBCode(errno).error("remove", path) }
  }

  /// Bytes that may still be written to the file system of `path`.
  static func freeBytes(_ path: String) throws(StoreError) -> UInt64 {
    var bytes: UInt64 = 0
    try unsafe LMDBCode(clmdb_free_bytes(path, &bytes)).check("ask for room at", path)
    return bytes
  }

  static func fileBytes(_ path: String) throws(StoreError) -> UInt64 {
    var bytes: UInt64 = 0
    try unsafe LMDBCode(clmdb_file_bytes(path, &bytes)).check("measure", path)
    return bytes
  }

  /// Inode (8) ‖ birth time, seconds (8) ‖ nanoseconds (4), big-endian.
  static func place(_ path: String) throws(StoreError) -> [UInt8] {
    var found = clmdb_place()
    try unsafe LMDBCode(clmdb_place_of(path, &found)).check("look at", path)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20)
    bytes.appendBigEndian(found.inode)
    bytes.appendBigEndian(found.seconds)
    bytes.appendBigEndian(found.nanoseconds)
    return bytes
  }

  /// Files that this process may have open; raised to the hard limit the first time that it is asked. A refusal to raise it is no error here: it
  /// shows later, as too many open files.
  static let openFilesMax: Int = {
    var limit = rlimit()
    #if canImport(Darwin)
      let kind = RLIMIT_NOFILE
      let most = rlim_t(OPEN_MAX)
    #else
      let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      let most = rlim_t.max
    #endif
    guard unsafe getrlimit(kind, &limit) == 0 else { return 256 }
    var raised = limit
    raised.rlim_cur = min(limit.rlim_max, most)
    return Int(clamping: unsafe setrlimit(kind, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur)
  }()
}
