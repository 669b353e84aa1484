public import EventStore
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The databases of a data folder: `<data>/db/<name>/{data.mdb,lock.mdb,start}`, and `<data>/lock`, which one process holds.
///
/// Thousands may be opened at a time: past `openMax` environments the least recently used that is idle is closed, and opened again at its
/// next use. Names are `[a-z_][a-z0-9_-]{0,63}`; other folders there are left alone.
public final class LMDBEventStoreProvider: EventStoreProvider {
  /// The data folder.
  public let folder: String
  private let lock: FolderLock
  private let openSet: OpenSet
  private let mapBytes: Int?
  private let stores = Mutex<[String: LMDBEventStore]>([:])
  /// After an end that was not clean: the databases that were not opened since. What it means for them the next process has to know, too.
  private let unsettled: Mutex<Set<String>>

  /// Takes the data folder, making it if needed, and removes what an interrupted removal left.
  /// - Parameters:
  ///   - address: where this process serves, for the message to the next that wants the folder.
  ///   - openMax: environments open at a time; each takes three descriptors and 64 GiB of address space. At most half of the
  ///     descriptors that the process may have are used so.
  /// - Throws: `inUse`, naming process and address, if another process (or provider) has the folder.
  public convenience init(folder: String, address: String = "", openMax: Int = 512) throws(StoreError) {
    try self.init(folder: folder, address: address, openMax: openMax, mapBytes: nil)
  }

  /// - Parameter mapBytes: each store's first map, to see it grow.
  package init(folder: String, address: String, openMax: Int, mapBytes: Int?) throws(StoreError) {
    (self.folder, self.mapBytes) = (folder, mapBytes)
    openSet = OpenSet(openMax: min(openMax, FileSystem.openFilesMax / 2 / Environment.descriptors))
    try FileSystem.makeFolder(folder + "/db")
    lock = try FolderLock(folder: folder, address: address)
    unsettled = Mutex([])
    if lock.uncleanEnds > 0 {
      let names = Set(try names())
      unsettled.withLock { $0 = lock.unsettled.map(names.intersection) ?? names }
    }
    for leftover in try FileSystem.names(in: folder + "/db") where leftover.hasPrefix(Self.deletedPrefix) {
      try FileSystem.removeTree(folder + "/db/" + leftover)
    }
  }

  deinit { close() }

  private static let deletedPrefix = ".deleted-"
  private static let asideInfix = ".damaged-"

  /// Writes another address into the lock file, once it is known.
  public func setAddress(_ address: String) throws(StoreError) { try lock.write(address) }

  /// Says that this process has lasted, so that what ended those before it is no page that ends every one.
  package func forgetUncleanEnds() throws(StoreError) { try lock.forgetUncleanEnds() }

  /// Waits for transactions under way, closes every store and lets go of the folder.
  public func close() {
    for store in stores.withLock({ Array($0.values) }) { store.close() }
    lock.release(unsettled: unsettled.withLock { $0.sorted() })
  }

  /// How many environments are open at this moment.
  public var openCount: Int { openSet.count }

  public func names() throws(StoreError) -> [String] {
    try FileSystem.names(in: folder + "/db").filter { Self.isName($0) && FileSystem.exists(Environment.dataFile(path($0))) }.sorted()
  }

  /// - Throws: `inUse` if the database's store is open already, `refused` if a database to be made has an illegal name.
  public func open(_ name: String, create: Bool) throws(StoreError) -> (any EventStore)? {
    guard Self.isName(name) else {
      if create { throw StoreError(.refused, "\"\(name)\" is no name of a database") }
      return nil
    }
    return try stores.withLock { (stores) throws(StoreError) -> LMDBEventStore? in
      if lock.isReleased { throw StoreError(.closed, "\(folder) was let go") }
      if let store = stores[name], !store.isClosed { throw StoreError(.inUse, "the database \(name) is open already") }
      stores[name] = nil
      if !create && !FileSystem.exists(Environment.dataFile(path(name))) { return nil }
      let isUnsettled = unsettled.withLock { $0.contains(name) }
      let store = try LMDBEventStore(
        folder: path(name), create: create, readOnly: false, mapBytes: mapBytes, openSet: openSet,
        uncleanEnds: isUnsettled ? lock.uncleanEnds : 0)
      stores[name] = store
      unsettled.withLock { _ = $0.remove(name) }
      return store
    }
  }

  /// Renames the folder to `.deleted-<name>-<milliseconds>` and then removes it: once renamed the database is gone, even if the process ends
  /// before its files are.
  /// - Throws: `inUse` if its store is still open.
  public func remove(_ name: String) throws(StoreError) {
    guard Self.isName(name) else { return }
    let deleted = try stores.withLock { (stores) throws(StoreError) -> String? in
      if let store = stores[name], !store.isClosed { throw StoreError(.inUse, "the database \(name) is open") }
      stores[name] = nil
      guard FileSystem.exists(path(name)) else { return nil }
      let deleted = folder + "/db/\(Self.deletedPrefix)\(name)-\(Self.milliseconds())"
      try FileSystem.move(path(name), to: deleted)
      unsettled.withLock { _ = $0.remove(name) }
      return deleted
    }
    if let deleted { try FileSystem.removeTree(deleted) }
  }

  /// Renames a database's folder to `<name>.damaged-<milliseconds>`, where nothing looks for databases: it is not there any more, and may be
  /// made or refilled by peers.
  /// - Returns: the new path.
  /// - Throws: `inUse` if its store is still open.
  public func setAside(_ name: String) throws(StoreError) -> String {
    try stores.withLock { (stores) throws(StoreError) -> String in
      guard Self.isName(name) else { throw StoreError(.refused, "\"\(name)\" is no name of a database") }
      if lock.isReleased { throw StoreError(.closed, "\(folder) was let go") }
      if let store = stores[name], !store.isClosed { throw StoreError(.inUse, "the database \(name) is open") }
      stores[name] = nil
      let aside = path(name) + Self.asideInfix + "\(Self.milliseconds())"
      try FileSystem.move(path(name), to: aside)
      unsettled.withLock { _ = $0.remove(name) }
      return aside
    }
  }

  public func asides(of name: String) throws(StoreError) -> [String] {
    try FileSystem.names(in: folder + "/db").filter { $0.hasPrefix(name + Self.asideInfix) }.sorted().map { folder + "/db/" + $0 }
  }

  private static func milliseconds() -> Int {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int(now.tv_sec) * 1000 + Int(now.tv_nsec) / 1_000_000
  }

  private func path(_ name: String) -> String { folder + "/db/" + name }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    guard letters.contains(first) || first == UInt8(ascii: "_") else { return false }
    return name.utf8.allSatisfy { letters.contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
  }
}
