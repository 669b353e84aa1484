import EventModel
import EventStore
import LMDBStore
import Laterbase

/// One database's check, in a process that it may end. Its lines say how far it is; the last one has `ok`.
struct VerifyChild {
  let data: String
  let console: Console

  func check(_ name: String) throws(Failure) {
    var report: VerifyReport?
    var faults: [String] = []
    do throws(StoreError) {
      let provider = try LMDBEventStoreProvider(folder: data)
      defer { provider.close() }
      guard let store = try provider.open(name, create: false) else { throw StoreError(.damaged, "its data file is gone") }
      let set = try EventSet(name, store: store, world: .system)
      let found = try set.verify { try? console.print(#"{"database":"\#(name)","records":\#($0.records)}"#) }
      set.close()
      (report, faults) = (found, found.faults)
    } catch {
      if error.code == .inUse { throw .failed(error.message) }
      faults = [error.message]
    }
    let members: [(name: String, value: JSON)] = [
      ("database", JSON(name)), ("ok", JSON(faults.isEmpty)), ("records", JSON(report?.records ?? 0)),
      ("events", JSON(report?.elements ?? 0)),
      ("bytes", JSON(report?.bytes ?? 0)), ("faults", JSON(faults.map { JSON($0) })),
    ]
    try console.print(JSON(members: members).description)
  }
}
