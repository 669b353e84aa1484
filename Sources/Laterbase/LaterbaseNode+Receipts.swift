package import EventModel
import EventStore
package import Replication

/// Who else holds what of a database, as far as this node was told.
package struct Receipts: Sendable {
  /// Another member, and what it lacks.
  package struct Holder: Sendable {
    package let member: Member
    /// Records held here that it doesn't hold.
    package let lacks: UInt64
    /// When it said so.
    package let heard: Instant
  }

  /// Records held here, of any log, that no other member holds.
  package let unsynced: UInt64
  /// When the oldest of these was recorded.
  package let oldest: Instant?
  /// Those that said what they hold, by rising id.
  package let holders: [Holder]
  /// Whether members that were heard lately hold all that is held here: this node could be wiped, and nothing were lost.
  package let isSafeToWipe: Bool
  /// How often equal clocks were found to mean different sets.
  package let alarms: UInt64
}

extension LaterbaseNode {
  /// A word that is older says nothing of whether a node may be wiped.
  private static let wordLastsMilliseconds: Int64 = 10 * 60_000

  /// Who else holds what of a database.
  /// - Complexity: O(members · origins), and a get for each log that nobody else holds whole.
  package func receipts(of database: OpenedDatabase) throws(LaterbaseError) -> Receipts {
    let held = database.holders.held
    let state = database.set.state
    let told = members(holding: database.name).compactMap { member in
      member.id == id ? nil : held[member.id].map { (member: member, entry: $0) }
    }
    let lately = world.now().adding(milliseconds: -Self.wordLastsMilliseconds)
    let recent = Self.union(told.lazy.filter { $0.entry.heard >= lately }.map(\.entry.clock))
    let missing = state.clock.delta(beyond: Self.union(told.lazy.map(\.entry.clock)))
    let oldest = try database.reading { (set) throws(StoreError) in try set.oldest(in: missing) }
    return Receipts(
      unsynced: missing.reduce(0) { $0 + UInt64($1.numbers.count) }, oldest: oldest?.at,
      holders: told.map { Receipts.Holder(member: $0.member, lacks: state.pending(after: $0.entry.clock), heard: $0.entry.heard) },
      isSafeToWipe: recent.covers(state.clock), alarms: database.holders.alarmCount)
  }

  /// How many records no other member holds, as far as they told. O(members · origins); reads nothing.
  func unsynced(in database: OpenedDatabase) -> UInt64 {
    let held = database.holders.held
    let told = members(holding: database.name).compactMap { $0.id == id ? nil : held[$0.id]?.clock }
    return database.set.state.clock.delta(beyond: Self.union(told)).reduce(0) { $0 + UInt64($1.numbers.count) }
  }

  /// What some nodes hold together. No log has a hole, so of each the longest part says it all.
  private static func union(_ clocks: some Sequence<Clock>) -> Clock { clocks.reduce(Clock()) { $0.merged($1) } }
}
