import EventModel
import EventStore
import LMDBStore
import Synchronization

/// `<data>/node.json`: the node's identity, bound to the data folder as an origin is to its file, so that a copy of the folder is another
/// node; and what the node has to keep in mind beside its databases.
///
/// `{"born":{"nanoseconds":…,"seconds":…},"damage":[{"database":"…","found":"<time>","n":…,"origin":"…"},…],"inode":…,"joined":["<url>",…],`
/// `"node":"<13 characters>","not_held":["<database>",…]}`
///
/// The mutex owns what is kept, and the file.
final class NodeFile: Sendable {
  /// What the file keeps beside the identity.
  struct Kept: Hashable, Sendable {
    /// The databases that were removed here though others hold them.
    var notHeld: Set<String> = []
    /// The URLs that the node was told to join by, in that order.
    var joined: [String] = []
    /// The damaged records that wait for a peer that has them, and when each was found.
    var damage: [DamageWatch.Place: Instant] = [:]
  }

  let id: Origin
  /// Whether the id is new: the folder has none, or one that was made for another folder.
  let isNew: Bool
  private let path: String
  private let place: Place
  private let state: Mutex<Kept>

  /// Reads the file, and draws an id where there is none for this folder. Writes nothing.
  init(folder: String, _ world: World) throws(StoreError) {
    path = folder + "/node.json"
    place = Place(try DataFolder.place(folder))
    let stored = try DataFolder.contents(path).flatMap(Self.read)
    var kept = Kept()
    kept.notHeld = Set(Self.texts(stored, "not_held"))
    kept.damage = Dictionary((stored?["damage"]?.elements ?? []).compactMap(Self.damage), uniquingKeysWith: min)
    if let stored, stored["inode"] == place.inode, stored["born"] == place.born, let id = stored["node"]?.string.flatMap({ Origin($0) }) {
      (self.id, isNew) = (id, false)
      kept.joined = Self.texts(stored, "joined")
    } else {
      // Whom the original knows, a copy doesn't talk with.
      (id, isNew) = (Origin(value: world.random()), true)
    }
    state = Mutex(kept)
  }

  var kept: Kept { state.withLock { $0 } }

  /// Changes what is kept; it is on disk when this returns. If it can't be written nothing has changed.
  func change(_ body: (inout Kept) -> Void) throws(StoreError) {
    try state.withLock { (kept) throws(StoreError) in
      var new = kept
      body(&new)
      if new == kept { return }
      try write(new)
      kept = new
    }
  }

  /// Puts the file in place; it is on disk when this returns.
  func write() throws(StoreError) { try state.withLock { (kept) throws(StoreError) in try write(kept) } }

  private func write(_ kept: Kept) throws(StoreError) {
    let file = JSON(members: [
      (name: "born", value: place.born), (name: "damage", value: Self.json(kept.damage)), (name: "inode", value: place.inode),
      (name: "joined", value: Self.json(kept.joined)), (name: "node", value: JSON(id.description)),
      (name: "not_held", value: Self.json(kept.notHeld.sorted())),
    ])
    try DataFolder.replace(path, with: file.bytes + [UInt8(ascii: "\n")])
  }

  private static func json(_ texts: [String]) -> JSON { JSON(texts.map { JSON($0) }) }

  /// As many are kept in mind.
  private static let damageMax = 1000

  private static func json(_ damage: [DamageWatch.Place: Instant]) -> JSON {
    JSON(
      damage.sorted { $0.key < $1.key }.prefix(damageMax).map { place, found in
        JSON(members: [
          (name: "database", value: JSON(place.database)), (name: "found", value: JSON(found.description)),
          (name: "n", value: JSON(place.dot.n)), (name: "origin", value: JSON(place.dot.origin.description)),
        ])
      })
  }

  private static func damage(_ json: JSON) -> (DamageWatch.Place, Instant)? {
    guard let database = json["database"]?.string, let n = json["n"]?.int, n > 0,
      let origin = json["origin"]?.string.flatMap({ Origin($0) }), let found = json["found"]?.string.flatMap({ Instant(rfc3339: $0) })
    else { return nil }
    return (DamageWatch.Place(database: database, dot: Dot(origin: origin, n: UInt64(n))), found)
  }

  private static func texts(_ stored: JSON?, _ name: String) -> [String] { stored?[name]?.elements?.compactMap(\.string) ?? [] }

  private static func read(_ bytes: [UInt8]) -> JSON? {
    do throws(JSONError) {
      return JSON(normalForm: try JSONNormalForm.normalise(bytes.raw) ?? bytes)
    } catch {
      return nil
    }
  }

  private struct Place: Sendable {
    let inode: JSON
    let born: JSON

    init(_ bytes: [UInt8]) {
      let raw = bytes.raw
      inode = JSON(raw.bigEndian(at: 0, as: UInt64.self))
      born = JSON(members: [
        (name: "seconds", value: JSON(raw.bigEndian(at: 8, as: Int64.self))),
        (name: "nanoseconds", value: JSON(raw.bigEndian(at: 16, as: UInt32.self))),
      ])
    }
  }
}
