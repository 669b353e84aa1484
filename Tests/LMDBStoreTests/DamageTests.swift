import EventModel
import EventStore
import Foundation
import LMDBStore
import StoreConformance
import Testing

/// What LMDB itself reports. Damage in its other pages may end the process (it has no checksums): `verify` looks at those in a child process.
@Suite struct `A damaged or moved file` {
  let folder = TemporaryFolder()
  private var data: String { folder.path + "/data.mdb" }

  private func make() throws {
    let store = try LMDBEventStore(folder: folder.path)
    try store.put([("a", "1")])
    store.close()
  }

  /// Both meta pages begin, after a page header of 16 bytes, with a magic number (4) and a version (4).
  @Test(arguments: [(16, StoreError.Code.damaged), (20, .format)])
  func `is refused if a meta page's magic or version is wrong`(offset: Int, code: StoreError.Code) throws {
    try make()
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    for at in [offset, page + offset] {
      let whole = try #require(FileManager.default.contents(atPath: data))
      var wrong = whole
      wrong[at] ^= 0x10
      try wrong.write(to: URL(fileURLWithPath: data))
      #expect(errorCode { _ = try LMDBEventStore(folder: folder.path) } == code)
      try whole.write(to: URL(fileURLWithPath: data))
    }
    let store = try LMDBEventStore(folder: folder.path)
    #expect(try store.get("a") == "1")
    store.close()
  }

  @Test func `is refused if it is empty, too short, or gone`() throws {
    try make()
    for length in [0, 10, 4000] {
      try Data(repeating: 0, count: length).write(to: URL(fileURLWithPath: data))
      #expect(errorCode { _ = try LMDBEventStore(folder: folder.path) } == .damaged)
    }
    try FileManager.default.removeItem(atPath: data)
    #expect(errorCode { _ = try LMDBEventStore(folder: folder.path, create: false) } == .storage)
  }

  /// Whatever its last pages hold: rows, rows with pages of their own, or pages that were given back.
  @Test(arguments: 1...12 as ClosedRange<UInt64>) func `that was cut short is refused, or all of it is there`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var model: [String: String] = [:]
    let store = try LMDBEventStore(folder: folder.path)
    for _ in 0..<5 + random.next() % 20 {
      for key in model.keys.sorted() where random.chance(1, in: 3) {
        try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
          _ = try writer.delete(.log, [UInt8](key.utf8).raw)
        }
        model[key] = nil
      }
      let rows = (0..<random.next() % 40).map { _ in
        let bytes = random.next() % (random.chance(1, in: 8) ? 30_000 : 300)
        return ("\(random.next() % 500)", String(repeating: "x", count: Int(bytes)))
      }
      try store.put(rows)
      for (key, value) in rows { model[key] = value }
    }
    store.close()
    let whole = try Data(contentsOf: URL(fileURLWithPath: data))
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    var (refused, taken) = (0, 0)
    for pages in 2...whole.count / page {
      try whole.prefix(pages * page - (pages == whole.count / page ? 0 : Int(random.next() % 8))).write(to: URL(fileURLWithPath: data))
      let cut: LMDBEventStore
      do throws(StoreError) { cut = try LMDBEventStore(folder: folder.path) } catch {
        #expect(error.code == .damaged, "seed \(seed), \(pages) pages: \(error)")
        refused += 1
        continue
      }
      taken += 1
      #expect(try cut.rows() == model.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }, "seed \(seed), \(pages) pages")
      cut.close()
    }
    #expect(taken > 0 && (refused > 0 || model.isEmpty), "seed \(seed)")
  }

  @Test func `does not come back empty when it vanished while its environment was closed`() throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path, openMax: 1)
    let store = try #require(try provider.open("a", create: true))
    try store.put([("a", "1")])
    _ = try provider.open("b", create: true)
    try FileManager.default.removeItem(atPath: folder.path + "/db/a/data.mdb")
    #expect(errorCode { _ = try store.get("a") } == .storage)
    #expect(errorCode { try store.put([("a", "1")]) } == .storage)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/db/a/data.mdb"))
    provider.close()
  }

  @Test func `is told from its copy and from an older file put back in its place`() throws {
    try make()
    let first = try LMDBEventStore(folder: folder.path)
    let place = try first.place()
    #expect(place.count == 20)
    first.close()
    let files = FileManager.default
    try files.createDirectory(atPath: folder.path + "/copy", withIntermediateDirectories: true)
    try files.copyItem(atPath: data, toPath: folder.path + "/copy/data.mdb")
    let copy = try LMDBEventStore(folder: folder.path + "/copy")
    #expect(try copy.get("a") == "1")
    #expect(try copy.place() != place)
    copy.close()
    let again = try LMDBEventStore(folder: folder.path)
    #expect(try again.place() == place)
    try again.put([("b", "2")])
    again.close()
    try files.removeItem(atPath: data)
    try files.moveItem(atPath: folder.path + "/copy/data.mdb", toPath: data)
    let back = try LMDBEventStore(folder: folder.path)
    #expect(try back.get("b") == nil)
    #expect(try back.place() != place)
    back.close()
  }

  @Test func `is read by another process beside its writer, but not written`() async throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.put([("a", "1")])
    await #expect(processExitsWith: .exitCode(7)) { [path = folder.path as String] in
      do {
        let reader = try LMDBEventStore(folder: path, create: false, readOnly: true)
        exit(try reader.get("a") == "1" && errorCode { try reader.put([("b", "2")]) } == .storage ? 7 : 1)
      } catch { exit(2) }
    }
    try store.put([("b", "2")])
  }
}
