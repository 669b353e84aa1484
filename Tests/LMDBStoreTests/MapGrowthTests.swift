import EventModel
import EventStore
import LMDBStore
import Synchronization
import Testing

@Suite struct `A full map` {
  let folder = TemporaryFolder()

  private func key(_ number: Int) -> [UInt8] { (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

  @Test func `is made larger and the transaction run again, while others read`() throws {
    let store = try LMDBEventStore(folder: folder.path, mapBytes: 1 << 20)
    defer { store.close() }
    let first = store.generation
    let value = [UInt8](repeating: 9, count: 10_000)
    let stop = Atomic<Bool>(false)
    let readers = (0..<3).map { _ in
      Background {
        while !stop.load(ordering: .relaxed) {
          let rows = try store.read { (transaction) throws(StoreError) in
            let cursor = try transaction.cursor(.log)
            var rows = 0
            while try cursor.next() { rows += cursor.value.byteCount == 10_000 ? 1 : 1_000_000 }
            return rows
          }
          if rows % 100 != 0 { throw StoreError(.damaged, "\(rows) rows: not a whole number of transactions") }
        }
      }
    }
    var runs = 0
    for group in 0..<20 {
      try store.write(WriteSize(bytes: 1 << 20, events: 100)) { (transaction) throws(StoreError) in
        runs += 1
        for row in 0..<100 { try transaction.put(.log, key(group * 100 + row).raw, value.raw, rising: true) }
      }
    }
    stop.store(true, ordering: .relaxed)
    for reader in readers { reader.join() }
    #expect(runs > 20)
    #expect(store.generation == first + UInt64(runs - 20))
    try store.read { (transaction) throws(StoreError) in
      let cursor = try transaction.cursor(.log)
      for row in 0..<2000 {
        #expect(try cursor.next())
        #expect([UInt8](copying: cursor.key) == key(row))
      }
      #expect(try cursor.next() == false)
    }
    #expect(try store.bytesUsed() > 20_000_000)
  }

  @Test func `is made larger even if the body keeps the error to itself`() throws {
    let store = try LMDBEventStore(folder: folder.path, mapBytes: 1 << 20)
    defer { store.close() }
    let value = [UInt8](repeating: 9, count: 100_000)
    try store.write(WriteSize(bytes: 1 << 22, events: 40)) { (transaction) throws(StoreError) in
      for row in 0..<40 { try? transaction.put(.log, key(row).raw, value.raw) }
    }
    #expect(try store.rows().count == 40)
  }
}
