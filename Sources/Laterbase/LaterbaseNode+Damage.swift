import EventModel
import EventStore

extension LaterbaseNode {
  /// Cuts damaged logs whose records no peer has brought in time, until cancelled. What a peer has, a pull brings and mends before.
  func watchDamage() async {
    var watch = DamageWatch(wait: options.repairWait, found: file?.kept.damage ?? [:])
    while !Task.isCancelled {
      let due = watch.due(await damage(beside: watch.found.keys.sorted()), at: world.now(), .now)
      // What can't be kept in mind is waited for anew after a restart.
      try? file?.change { $0.damage = watch.found }
      for place in due {
        guard let set = catalog.opened(place.database)?.set else { continue }
        do throws(StoreError) { try await cut(place, of: set) } catch { tell(.failed, place.database, error.message) }
      }
      try? await Task.sleep(for: watch.pause)
    }
  }

  /// The first damaged record of each log of the databases that are open.
  /// - Parameter known: where damage was known to be: it is looked at again, for a restart forgets it.
  private func damage(beside known: [DamageWatch.Place]) async -> [DamageWatch.Place] {
    let names = (try? catalog.names()) ?? []
    for place in known where names.contains(place.database) {
      guard let set = try? await catalog.open(place.database).set, set.damaged[place.dot.origin] == nil else { continue }
      try? set.look(at: place.dot)
    }
    return names.flatMap { name in
      (catalog.opened(name)?.set.damaged ?? [:]).map { DamageWatch.Place(database: name, dot: Dot(origin: $0.key, n: $0.value)) }
    }
  }

  private func cut(_ place: DamageWatch.Place, of set: EventSet) async throws(StoreError) {
    guard let cut = try set.damageCut(of: place.dot.origin) else { return }
    let outcome = try await set.cut(cut)
    let lost = outcome.lost.prefix(20).map { "\($0.n)" }.joined(separator: ", ")
    let what = "the log \(cut.origin) is damaged at \(place.dot.n), and no peer had the record: \(outcome.records) records went"
    tell(
      .damageCut, place.database,
      "\(what), \(outcome.appended) events of them are in the own log now, \(outcome.lost.count) are lost\(lost.isEmpty ? "" : ": \(lost)")"
    )
  }
}
