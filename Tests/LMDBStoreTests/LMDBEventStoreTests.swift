import EventModel
import EventStore
import LMDBStore
import Testing

@Suite struct `An LMDB store` {
  let folder = TemporaryFolder()
  let nothing: [UInt8] = []
  let one: [UInt8] = [1]

  @Test func `gives back what was put, also after it was closed and opened again`() throws {
    let store = try LMDBEventStore(folder: folder.path + "/a")
    #expect(try store.get("a") == nil)
    #expect(try store.rows() == [])
    try store.put([("b", "2"), ("a", "1"), ("ab", "")])
    #expect(try store.get("a") == "1")
    #expect(try store.rows() == [["a", "1"], ["ab", ""], ["b", "2"]])
    #expect(try store.rows(.meta) == [])
    store.close()
    #expect(errorCode { _ = try store.get("a") } == .closed)
    let again = try LMDBEventStore(folder: folder.path + "/a", create: false)
    #expect(try again.rows() == [["a", "1"], ["ab", ""], ["b", "2"]])
    again.close()
  }

  @Test func `puts a value of two parts, and takes a wrong hint of rising keys`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.write(WriteSize(bytes: 100, events: 3)) { (transaction) throws(StoreError) in
      for (key, tail) in [("b", "2"), ("c", "3"), ("a", "1"), ("c", "4")] {
        try transaction.put(.log, Array(key.utf8).raw, Array("head".utf8).raw, Array(tail.utf8).raw, rising: true)
      }
      try transaction.put(.log, Array("b".utf8).raw, Array("x".utf8).raw, rising: true)
      try transaction.put(.log, Array("d".utf8).raw, nothing.raw, nothing.raw, rising: true)
    }
    #expect(try store.rows() == [["a", "head1"], ["b", "x"], ["c", "head4"], ["d", ""]])
  }

  @Test func `changes nothing when the body throws`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    // The very first write transaction makes the tables, so undoing it undoes those, too.
    for round in 0..<2 {
      let code = errorCode {
        try store.write(WriteSize(bytes: 1, events: 1)) { (transaction) throws(StoreError) in
          try transaction.put(.log, Array("no".utf8).raw, nothing.raw)
          throw StoreError(.refused, "on purpose")
        }
      }
      #expect(code == .refused)
      #expect(try store.rows().count == round)
      if round == 0 { try store.put([("yes", "1")]) }
    }
  }

  @Test func `reads the snapshot of its beginning while a write commits`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.put([("a", "1")])
    try store.read { (before) throws(StoreError) in
      let writer = Background { try store.put([("a", "2"), ("b", "2")]) }
      writer.join()
      let (a, b) = (try before.text("a"), try before.text("b"))
      #expect(a == "1")
      #expect(b == nil)
      #expect(try store.rows() == [["a", "2"], ["b", "2"]], "a read inside a read has its own, newer snapshot")
    }
  }

  @Test func `refuses a key that LMDB cannot hold and goes on`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    let long = [UInt8](repeating: 7, count: 512)
    try store.write(WriteSize(bytes: 1, events: 1)) { (transaction) throws(StoreError) in
      for key in [long, []] {
        var message = ""
        do { try transaction.put(.log, key.raw, one.raw) } catch { message = "\(error)" }
        #expect(message.contains("LMDB takes 1 to 511"))
        #expect(try transaction.get(.log, key.raw) == nil)
        #expect(try transaction.delete(.log, key.raw) == false)
      }
      try transaction.put(.log, Array(long[1...]).raw, one.raw)
    }
    try store.read { (transaction) throws(StoreError) in
      let cursor = try transaction.cursor(.log)
      #expect(try cursor.seek(long.raw) == false)
      #expect(try cursor.previous())
      #expect(cursor.key.byteCount == 511)
      #expect(try cursor.seek(nothing.raw))
    }
  }
}
