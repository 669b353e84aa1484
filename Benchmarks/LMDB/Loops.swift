import CLMDBLoops
import EventModel
import EventStore
import LMDBStore

/// The same loops as in `loops.c`, over the store's own transactions and over the protocol's existentials.
struct Loops {
  let store: LMDBEventStore

  /// As the protocol's users see it: the compiler must not look through it.
  @inline(never) @_optimize(none) private func erased() -> any EventStore { store }

  private func timed(_ body: () throws(StoreError) -> Void) throws(StoreError) -> loop_time {
    let start = loop_now()
    try body()
    let end = loop_now()
    return loop_time(cpu: end.cpu - start.cpu, wall: end.wall - start.wall)
  }

  func put(_ from: UInt64, _ to: UInt64, _ group: UInt64, _ scattered: Bool) throws(StoreError) -> loop_time {
    var key = [UInt8](repeating: 0, count: 16)
    var value = [UInt8](repeating: 0, count: 256)
    return try timed { () throws(StoreError) in
      for begin in stride(from: from, to: to, by: Int(group)) {
        try store.writing(WriteSize(bytes: 272 * Int(group), events: Int(group))) { (transaction) throws(StoreError) in
          for number in begin..<min(begin + group, to) {
            key.storeBigEndian(loop_key(number, scattered ? 1 : 0), at: 0)
            value.storeBigEndian(number, at: 0)
            try transaction.put(.log, key.raw, value.raw, rising: !scattered)
          }
        }
      }
    }
  }

  func putErased(_ from: UInt64, _ to: UInt64, _ group: UInt64, _ scattered: Bool) throws(StoreError) -> loop_time {
    let store = erased()
    var key = [UInt8](repeating: 0, count: 16)
    var value = [UInt8](repeating: 0, count: 256)
    return try timed { () throws(StoreError) in
      for begin in stride(from: from, to: to, by: Int(group)) {
        try store.write(WriteSize(bytes: 272 * Int(group), events: Int(group))) { (transaction) throws(StoreError) in
          for number in begin..<min(begin + group, to) {
            key.storeBigEndian(loop_key(number, scattered ? 1 : 0), at: 0)
            value.storeBigEndian(number, at: 0)
            try transaction.put(.log, key.raw, value.raw, rising: !scattered)
          }
        }
      }
    }
  }

  func scan(_ sum: inout UInt64) throws(StoreError) -> loop_time {
    var seen: UInt64 = 0
    let time = try timed { () throws(StoreError) in
      seen = try store.reading { (transaction) throws(StoreError) in
        var seen: UInt64 = 0
        let cursor = try Cursor(.log, in: transaction)
        while try cursor.next() {
          let key = cursor.key
          seen &+= UInt64(key[key.byteCount - 9]) + UInt64(cursor.value[7])
        }
        return seen
      }
    }
    sum = seen
    return time
  }

  func scanErased(_ sum: inout UInt64) throws(StoreError) -> loop_time {
    let store = erased()
    var seen: UInt64 = 0
    let time = try timed { () throws(StoreError) in
      seen = try store.read { (transaction) throws(StoreError) in
        var seen: UInt64 = 0
        let cursor = try transaction.cursor(.log)
        while try cursor.next() {
          let key = cursor.key
          seen &+= UInt64(key[key.byteCount - 9]) + UInt64(cursor.value[7])
        }
        return seen
      }
    }
    sum = seen
    return time
  }

  func get(_ rows: UInt64, _ count: UInt64, _ scattered: Bool, _ sum: inout UInt64) throws(StoreError) -> loop_time {
    var key = [UInt8](repeating: 0, count: 16)
    var seen: UInt64 = 0
    let time = try timed { () throws(StoreError) in
      seen = try store.reading { (transaction) throws(StoreError) in
        var seen: UInt64 = 0
        for index in 0..<count {
          key.storeBigEndian(loop_key(loop_key(index, 1) % rows, scattered ? 1 : 0), at: 0)
          if let value = try transaction.get(.log, key.raw) { seen &+= UInt64(value[7]) }
        }
        return seen
      }
    }
    sum = seen
    return time
  }

  func getErased(_ rows: UInt64, _ count: UInt64, _ scattered: Bool, _ sum: inout UInt64) throws(StoreError) -> loop_time {
    let store = erased()
    var key = [UInt8](repeating: 0, count: 16)
    var seen: UInt64 = 0
    let time = try timed { () throws(StoreError) in
      seen = try store.read { (transaction) throws(StoreError) in
        var seen: UInt64 = 0
        for index in 0..<count {
          key.storeBigEndian(loop_key(loop_key(index, 1) % rows, scattered ? 1 : 0), at: 0)
          if let value = try transaction.get(.log, key.raw) { seen &+= UInt64(value[7]) }
        }
        return seen
      }
    }
    sum = seen
    return time
  }

  func begin(_ count: UInt64) throws(StoreError) -> loop_time {
    try timed { () throws(StoreError) in for _ in 0..<count { try store.reading { (_) throws(StoreError) in } } }
  }

  func beginErased(_ count: UInt64) throws(StoreError) -> loop_time {
    let store = erased()
    return try timed { () throws(StoreError) in for _ in 0..<count { try store.read { (_) throws(StoreError) in } } }
  }
}
