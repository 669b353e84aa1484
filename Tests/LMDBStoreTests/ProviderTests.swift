import EventModel
import EventStore
import Foundation
import LMDBStore
import StoreConformance
import Synchronization
import Testing

@Suite struct `A data folder` {
  let folder = TemporaryFolder()

  private func open(_ provider: LMDBEventStoreProvider, _ name: String) throws -> any EventStore {
    try #require(try provider.open(name, create: true))
  }

  @Test func `lists, opens and removes databases`() throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path + "/data")
    #expect(try provider.names() == [])
    #expect(try provider.open("orders", create: false) == nil)
    #expect(errorCode { _ = try provider.open("../orders", create: true) } == .refused)
    #expect(try provider.open("../orders", create: false) == nil)
    let orders = try open(provider, "orders")
    try orders.put([("a", "1")])
    _ = try open(provider, "_nodes")
    #expect(try provider.names() == ["_nodes", "orders"])
    #expect(errorCode { _ = try provider.open("orders", create: true) } == .inUse)
    #expect(errorCode { try provider.remove("orders") } == .inUse)
    orders.close()
    try provider.remove("orders")
    #expect(try provider.names() == ["_nodes"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/data/db") == ["_nodes"])
    #expect(try open(provider, "orders").get("a") == nil)
    provider.close()
    #expect(errorCode { _ = try provider.open("orders", create: false) } == .closed)
  }

  @Test func `is cleared of what an interrupted removal or creation left`() throws {
    let files = FileManager.default
    let left = folder.path + "/db/.deleted-orders-1700000000000"
    try files.createDirectory(atPath: left + "/deep", withIntermediateDirectories: true)
    #expect(files.createFile(atPath: left + "/data.mdb", contents: Data([1])))
    let half = folder.path + "/db/scans/.new"
    try files.createDirectory(atPath: half, withIntermediateDirectories: true)
    #expect(files.createFile(atPath: half + "/data.mdb", contents: Data([1])))
    let provider = try LMDBEventStoreProvider(folder: folder.path)
    #expect(!files.fileExists(atPath: left))
    #expect(try provider.names() == [])
    #expect(try provider.open("scans", create: false) == nil)
    try open(provider, "scans").put([("a", "1")])
    #expect(!files.fileExists(atPath: half))
    #expect(try provider.names() == ["scans"])
  }

  @Test func `is for one provider, and the refusal names who has it`() throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path, address: "127.0.0.1:4711")
    func refusal() -> String {
      do {
        _ = try LMDBEventStoreProvider(folder: folder.path)
        return "none"
      } catch { return "\(error)" }
    }
    #expect(refusal().contains("inUse") && refusal().contains("process \(getpid()) at 127.0.0.1:4711"))
    try provider.setAddress("10.0.0.1:80")
    #expect(refusal().contains("process \(getpid()) at 10.0.0.1:80"))
    provider.close()
    let next = try LMDBEventStoreProvider(folder: folder.path)
    #expect(refusal().contains("process \(getpid())"))
    next.close()
  }

  /// What a refusal opened it closes once: closed twice, or cut to nothing, it would be another thread's file that has the number by then.
  @Test func `is refused without touching any other file of the process`() throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path)
    let stop = Atomic<Bool>(false)
    let touched = Atomic<Int>(0)
    let bystanders = (0..<3).map { index in
      let path = folder.path + "/bystander-\(index)"
      return Background {
        try Data().write(to: URL(fileURLWithPath: path))
        while !stop.load(ordering: .relaxed) {
          do {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try file.write(contentsOf: Data([1]))
            if try file.seekToEnd() != 1 { touched.add(1, ordering: .relaxed) }
            try file.close()
          } catch {
            touched.add(1, ordering: .relaxed)
          }
        }
      }
    }
    for _ in 0..<1000 { #expect(errorCode { _ = try LMDBEventStoreProvider(folder: folder.path) } == .inUse) }
    stop.store(true, ordering: .relaxed)
    for bystander in bystanders { bystander.join() }
    #expect(touched.load(ordering: .relaxed) == 0)
    provider.close()
  }

  @Test func `is for one process`() async throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path, address: "127.0.0.1:4711")
    await #expect(processExitsWith: .exitCode(7)) { [path = folder.path as String, pid = getpid() as Int32] in
      do {
        _ = try LMDBEventStoreProvider(folder: path)
      } catch {
        exit("\(error)".contains("inUse") && "\(error)".contains("process \(pid) at 127.0.0.1:4711") ? 7 : 1)
      }
    }
    provider.close()
    await #expect(processExitsWith: .exitCode(0)) { [path = folder.path as String] in
      do {
        _ = try LMDBEventStoreProvider(folder: path)
        exit(0)
      } catch { exit(1) }
    }
  }

  /// 1500 databases, 64 environments: each is used by all threads in turns, so nearly every use opens one and closes another.
  @Test func `serves far more databases than it keeps open, read and written by many threads`() throws {
    let folder = TemporaryFolder(inMemory: true)
    let provider = try LMDBEventStoreProvider(folder: folder.path, address: "", openMax: 64, mapBytes: 1 << 20)
    let stores = try (0..<1500).map { number in
      let store = try #require(try provider.open("d\(number)", create: true) as? LMDBEventStore)
      if number % 10 == 0 { try store.put([("name", "d\(number)")]) }
      return store
    }
    #expect(provider.openCount == 64)
    let threads = (0..<4).map { thread in
      Background {
        var random = SeededRandom(seed: UInt64(thread))
        for _ in 0..<1500 {
          // Half of the uses go to a few, so that openings and closings meet reads.
          let number = random.chance(1, in: 2) ? Int(random.next() % 70) * 10 : Int(random.next() % 1500)
          if random.chance(1, in: 100) { try stores[number].put([("name", "d\(number)")]) }
          let found = try stores[number].get("name")
          if found != "d\(number)" && (number % 10 == 0 || found != nil) {
            throw StoreError(.damaged, "d\(number) gave \(found ?? "nothing")")
          }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(provider.openCount <= 64 + 4, "one a thread may be over: the one that it uses")
    #expect(stores.contains { $0.generation > 1 })
    for number in stride(from: 0, to: 1500, by: 10) { #expect(try stores[number].get("name") == "d\(number)") }
    #expect(try provider.names().count == 1500)
    provider.close()
    #expect(provider.openCount == 0)
  }

  @Test func `keeps the most recently used open, and whatever is in use`() throws {
    let provider = try LMDBEventStoreProvider(folder: folder.path, address: "", openMax: 2, mapBytes: 1 << 20)
    func made(_ name: String) throws -> LMDBEventStore { try #require(try provider.open(name, create: true) as? LMDBEventStore) }
    let (a, b) = (try made("a"), try made("b"))
    _ = try a.get("x")
    let c = try made("c")
    #expect([a.isOpen, b.isOpen, c.isOpen] == [true, false, true])
    try a.read { (_) throws(StoreError) in
      try c.read { (_) throws(StoreError) in
        _ = try b.get("x")
        #expect([a.isOpen, b.isOpen, c.isOpen] == [true, true, true])
      }
    }
    #expect(b.generation == 2)
    _ = try made("d")
    #expect(provider.openCount == 2)
    provider.close()
  }
}
