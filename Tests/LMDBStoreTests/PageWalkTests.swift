import EventModel
import EventStore
import Foundation
import StoreConformance
import Synchronization
import Testing

@testable import LMDBStore

@Suite struct `A walk over a file's pages` {
  let folder = TemporaryFolder()
  private var data: String { folder.path + "/data.mdb" }

  /// Rows, rows with pages of their own, and pages that were given back.
  private func make(_ random: inout SeededRandom) throws -> [String: String] {
    var model: [String: String] = [:]
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    for _ in 0..<5 + random.next() % 10 {
      for key in model.keys.sorted() where random.chance(1, in: 3) {
        try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
          _ = try writer.delete(.log, [UInt8](key.utf8).raw)
        }
        model[key] = nil
      }
      let rows = (0..<1 + random.next() % 40).map { _ in
        let bytes = random.next() % (random.chance(1, in: 8) ? 30_000 : 300)
        return ("\(random.next() % 500)", String(repeating: "x", count: Int(bytes)))
      }
      try store.put(rows)
      for (key, value) in rows { model[key] = value }
      try PageWalk.check(data, whole: true)
    }
    return model
  }

  private func walkError() -> StoreError.Code? { errorCode { try PageWalk.check(data, whole: true) } }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `takes every sound file, and none with a page in use that isn't what was written`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let model = try make(&random)
    let keys = model.keys.sorted()
    let whole = try Data(contentsOf: URL(fileURLWithPath: data))
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    var (refused, taken) = (0, 0)
    for start in stride(from: 2 * page, to: whole.count, by: page) {
      var harmed = whole
      switch random.next() % 3 {
      // Noise in the header, another page, nothing.
      case 0: for byte in 8..<16 { harmed[start + byte] = 0xA5 }
      case 1: harmed.replaceSubrange(start..<start + page, with: whole[page..<2 * page])
      default: harmed.replaceSubrange(start..<start + page, with: Data(count: page))
      }
      try harmed.write(to: URL(fileURLWithPath: data))
      if let code = walkError() {
        #expect(code == .damaged, "seed \(seed), page \(start / page)")
        refused += 1
        continue
      }
      // Of a value's own pages only the first has a header; what is in the others is a record's checksum to say.
      taken += 1
      let store = try LMDBEventStore(folder: folder.path)
      let read = try store.rows().map { $0[0] }
      store.close()
      #expect(read == keys, "seed \(seed), page \(start / page)")
    }
    #expect(refused > 0 && taken > 0, "seed \(seed)")
  }

  @Test func `finds a circle, and a page with two places`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    try store.put((0..<3000).map { ("key-\(1000 + $0)", String(repeating: "y", count: 60)) })
    store.close()
    let whole = try Data(contentsOf: URL(fileURLWithPath: data))
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    // A branch's nodes name pages: low (2), high (2).
    func branch(_ bytes: Data, _ start: Int) -> Bool { bytes[start + 10] == 1 && bytes[start + 12] > 20 }
    let starts = stride(from: 2 * page, to: whole.count, by: page).filter { branch(whole, $0) }
    try #require(!starts.isEmpty)
    var found = 0
    for start in starts {
      let nodes = [16, 18].map { start + Int(whole[start + $0]) + Int(whole[start + $0 + 1]) << 8 }
      var circle = whole
      let number = UInt32(start / page)
      for byte in 0..<4 { circle[nodes[0] + byte] = UInt8(truncatingIfNeeded: number >> (8 * UInt32(byte))) }
      var twice = whole
      twice.replaceSubrange(nodes[0]..<nodes[0] + 4, with: whole[nodes[1]..<nodes[1] + 4])
      for harmed in [circle, twice] {
        try harmed.write(to: URL(fileURLWithPath: data))
        if walkError() == .damaged { found += 1 }
      }
    }
    #expect(found >= 2)
  }
}

@Suite struct `A folder whose last process was killed` {
  let folder = TemporaryFolder()

  private func data(_ name: String) -> String { folder.path + "/db/\(name)/data.mdb" }

  /// Databases, each with a page in use that isn't what was written.
  private func make(_ names: [String]) throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path)
    for name in names {
      let store = try #require(try provider.open(name, create: true))
      try store.put((0..<2000).map { ("key-\(1000 + $0)", String(repeating: "z", count: 100)) })
    }
    provider.close()
    for name in names {
      var bytes = try Data(contentsOf: URL(fileURLWithPath: data(name)))
      let found = try #require(bytes.range(of: Data("key-2000".utf8)))
      for byte in 10..<16 { bytes[found.lowerBound / 4096 * 4096 + byte] = 0xA5 }
      try bytes.write(to: URL(fileURLWithPath: data(name)))
    }
  }

  /// What a process leaves that ends without letting go.
  private func kill() throws { try Data("4711\n127.0.0.1:1\n0\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/lock")) }

  private func openError(_ provider: LMDBEventStoreProvider, _ name: String) -> StoreError.Code? {
    errorCode { _ = try provider.open(name, create: false) }
  }

  private var lock: String { (try? String(contentsOfFile: folder.path + "/lock", encoding: .utf8)) ?? "" }

  @Test(.enabled(if: sysconf(Int32(_SC_PAGESIZE)) == 4096)) func `has its files walked at their next opening, and no others`() throws {
    try make(["a", "b", "c"])
    #expect(lock == "")
    let clean = try LMDBEventStoreProvider(folder: folder.path)
    #expect(openError(clean, "a") == nil)
    clean.close()
    #expect(lock == "")

    try kill()
    let next = try LMDBEventStoreProvider(folder: folder.path)
    #expect(openError(next, "a") == .damaged)
    let aside = try next.setAside("a")
    #expect(try next.asides(of: "a") == [aside])
    #expect(openError(next, "c") == .damaged)
    try next.remove("c")
    // Made here, it is nothing that the other process left.
    #expect(try next.open("d", create: true) != nil)
    next.close()
    // What nobody has opened yet is handed on, over ends that are clean.
    for _ in 0..<2 {
      #expect(lock == "0\n\n1\nb")
      try LMDBEventStoreProvider(folder: folder.path).close()
    }
    let last = try LMDBEventStoreProvider(folder: folder.path)
    #expect(openError(last, "b") == .damaged)
    _ = try last.setAside("b")
    last.close()
    #expect(lock == "")
  }

  @Test func `is in doubt after a second such end, and says so once`() throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path)
    try #require(try provider.open("a", create: true)).put([("a", "1")])
    provider.close()
    for (ends, doubts) in [(0, 0), (1, 1), (7, 1)] {
      try Data("4711\n127.0.0.1:1\n\(ends)\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/lock"))
      let next = try LMDBEventStoreProvider(folder: folder.path)
      let store = try #require(try next.open("a", create: false))
      #expect(lock.hasSuffix("\n\(ends + 1)\n"))
      let said = Said()
      store.whenInDoubt { said.add($0) }
      store.whenInDoubt { said.add($0) }
      #expect(said.words.count == doubts, "\(ends): \(said.words)")
      try next.setAddress("127.0.0.1:2")
      #expect(lock.hasSuffix("\n127.0.0.1:2\n\(ends + 1)\n"))
      try next.forgetUncleanEnds()
      #expect(lock.hasSuffix("\n127.0.0.1:2\n0\n"))
      next.close()
      #expect(lock == "")
    }
  }

  @Test(.enabled(if: sysconf(Int32(_SC_PAGESIZE)) == 4096)) func `is in doubt when LMDB finds a page of a wrong type`() throws {
    try make([])
    let provider = try LMDBEventStoreProvider(folder: folder.path)
    let store = try #require(try provider.open("a", create: true))
    let said = Said()
    store.whenInDoubt { said.add($0) }
    try store.put((0..<2000).map { ("key-\(1000 + $0)", String(repeating: "z", count: 100)) })
    #expect(try store.get("key-2000") != nil && said.words.isEmpty)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: data("a")))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: data("a")))
    var at = bytes.startIndex
    while let found = bytes.range(of: Data("key-2000".utf8), in: at..<bytes.endIndex) {
      try file.seek(toOffset: UInt64(found.lowerBound / 4096 * 4096 + 10))
      try file.write(contentsOf: Data([0, 0]))
      at = found.upperBound
    }
    #expect(errorCode { _ = try store.get("key-2000") } == .damaged)
    #expect(said.words.count == 1)
    try file.close()
    provider.close()
  }

  /// The mutex owns the words.
  private final class Said: Sendable {
    private let all = Mutex<[String]>([])
    var words: [String] { all.withLock { $0 } }
    func add(_ what: String) { all.withLock { $0.append(what) } }
  }
}
