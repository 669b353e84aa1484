import EventModel
import EventStore
import LMDBStore
import Laterbase
import Synchronization
import ViewEngine
import ViewKit

/// One database's check, in a process that it may end. Its lines say how far it is; the last one has `ok`.
struct VerifyChild {
  let data: String
  /// What the executable declares: whose views are checked.
  let databases: [any DatabaseDeclaration]
  /// Whether a server has the folder: then it is read beside that.
  let isServed: Bool
  let console: Console

  func check(_ name: String) throws(Failure) {
    var report: VerifyReport?
    var views: ViewReport?
    var faults: [String] = []
    var damage: Damage?
    let doubt = Said()
    do throws(StoreError) {
      let provider = isServed ? nil : try LMDBEventStoreProvider(folder: data)
      defer { provider?.close() }
      guard let store = try store(name, provider) else { throw StoreError(.damaged, "its data file is gone") }
      // How its last process ended isn't what its pages say.
      store.whenInDoubt { _ in }
      store.whenInDoubt { doubt.say($0) }
      let set = try EventSet(name, store: store, world: .system)
      let found = try set.verify { try? console.print(#"{"database":"\#(name)","records":\#($0.records)}"#) }
      defer { set.close() }
      (report, faults) = (found, found.faults)
      if !found.isSound { damage = found.isMendable ? .records : .store }
      // What views are made of must be sound first.
      if found.isSound { views = try self.views(of: set) }
    } catch {
      if error.code == .inUse { throw .failed(error.message) }
      faults.append(error.message)
      // A disk that fails, or has no room, says nothing of what is on it.
      if doubt.isSaid || report == nil && error.code == .damaged {
        damage = .store
      } else if error.code == .damaged {
        damage = .views
      }
    }
    if let views, !views.faults.isEmpty {
      damage = .views
      faults += views.faults + ["the events are sound: a view is built anew from them when its version is raised"]
    }
    let members: [(name: String, value: JSON)] = [
      ("database", JSON(name)), ("ok", JSON(faults.isEmpty)), ("records", JSON(report?.records ?? 0)),
      ("events", JSON(report?.elements ?? 0)),
      ("bytes", JSON(report?.bytes ?? 0)), ("views", JSON(views?.views ?? 0)), ("faults", JSON(faults.map { JSON($0) })),
      ("damage", damage.map { JSON($0.rawValue) } ?? .null),
    ]
    try console.print(JSON(members: members).description)
  }

  /// Whether the store said that its pages are not what was written.
  private final class Said: Sendable {
    private let value = Atomic(false)
    var isSaid: Bool { value.load(ordering: .relaxed) }
    func say(_: String) { value.store(true, ordering: .relaxed) }
  }

  private func store(_ name: String, _ provider: LMDBEventStoreProvider?) throws(StoreError) -> (any EventStore)? {
    if let provider { return try provider.open(name, create: false) }
    return try LMDBEventStore(folder: "\(data)/db/\(name)", create: false, readOnly: true)
  }

  private func views(of set: EventSet) throws(StoreError) -> ViewReport? {
    try ViewCheck.report(of: set, databases) {
      try? console.print(#"{"database":"\#(set.name)","keys":\#($0.keys)}"#)
    }
  }
}
