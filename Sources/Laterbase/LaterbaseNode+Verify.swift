package import EventModel
import EventStore

extension LaterbaseNode {
  /// Others get so long to pull what only this node holds, before a damaged database is set aside.
  private static let drainMax = Duration.seconds(5)

  /// Proves a database. One that is damaged beyond its records is set aside and filled again by other nodes, if there are any.
  /// - Parameters:
  ///   - check: by default the one of this node's options, or, without one, in this process: that sets nothing aside.
  ///   - tell: takes each line of JSON; the last one has `ok`, and where more than records is damaged `set_aside` (where the folder is now; null:
  ///     it was left) and `left` (why).
  /// - Returns: the last line, if more than records is damaged.
  /// - Throws: as `DatabaseCheck`.
  @discardableResult
  package func verify(
    _ database: OpenedDatabase, by check: DatabaseCheck? = nil, _ tell: @escaping @Sendable (String) -> Void
  ) async throws -> JSON? {
    guard let check = check ?? options.check else {
      try await database.verify(tell)
      return nil
    }
    let damaged = Slot<JSON>()
    try await check(database.name) { line in
      if let answer = Self.answer(line), answer["damage"]?.string == Damage.store.rawValue { damaged.put(answer) } else { tell(line) }
    }
    guard let found = damaged.value else { return nil }
    // Once begun it is done to its end, also if whoever asked has gone.
    let answer = await Task { await setAside(database, found) }.value
    tell(answer.description)
    return answer
  }

  private static func answer(_ line: String) -> JSON? {
    (try? JSONNormalForm.normalise(Array(line.utf8).raw) ?? Array(line.utf8)).map { JSON(normalForm: $0) }
  }

  /// - Parameter found: the check's last line.
  /// - Returns: the same, with what became of the database.
  private func setAside(_ database: OpenedDatabase, _ found: JSON) async -> JSON {
    let fault = found["faults"]?[0]?.string ?? "its check says that it is damaged"
    var reason = catalog.reasonToLeave(database.name)
    if reason == nil {
      do throws(LaterbaseError) {
        let path = try await setAside(database, fault)
        return found.setting("set_aside", to: JSON(path))
      } catch {
        reason = error.detail
      }
    }
    tell(.damaged, database.name, "\(fault); it is left as it is: \(reason ?? "")")
    return found.setting("set_aside", to: .null).setting("left", to: reason.map { JSON($0) })
  }

  private func setAside(_ database: OpenedDatabase, _ fault: String) async throws(LaterbaseError) -> String {
    // What is recorded from now on would be in the old folder only.
    database.setLeaving(true)
    defer { database.setLeaving(false) }
    let alone = await drain(database)
    let only = alone == 0 ? "" : "; \(alone) of its records no other node was heard to hold"
    return try await catalog.setAside(database, fault + only)
  }

  /// Lets others pull what they lack, for a while.
  /// - Returns: how many records no other node was heard to hold then.
  private func drain(_ database: OpenedDatabase) async -> UInt64 {
    let deadline = ContinuousClock.now + Self.drainMax
    while ContinuousClock.now < deadline {
      // In this order: what was queued is in the clock when nothing is queued any more.
      if database.set.isIdle, unsynced(in: database) == 0 { break }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return unsynced(in: database)
  }
}

extension LaterbaseNode {
  /// Has each database that is in doubt checked in a process of its own, one at a time, until cancelled.
  func watchDoubts() async {
    guard options.check != nil else { return }
    while !Task.isCancelled {
      let seen = doubts.changes.version
      guard let (name, what) = doubts.next(at: .now) else {
        await ChangeSignal.waitForAny([(doubts.changes, seen)], until: doubts.due)
        continue
      }
      let isReplaced = await check(name, what)
      doubts.checked(name, isReplaced: isReplaced, at: .now)
    }
  }

  /// - Returns: whether another database is in its place now.
  private func check(_ name: String, _ what: String) async -> Bool {
    guard let database = catalog.opened(name) else { return true }
    tell(.checked, name, what)
    let last = Slot<String>()
    do {
      if let answer = try await verify(database, { last.put($0) }) { return answer["set_aside"]?.string != nil }
    } catch {
      if Task.isCancelled { return false }
      tell(.checked, name, "the check has no result: \(error)")
      return false
    }
    let answer = last.value.flatMap(Self.answer)
    let faults = answer?["faults"]?.elements ?? []
    tell(.checked, name, answer?["ok"]?.bool == true ? "it is sound" : "\(faults.count) faults, \(faults.first?.string ?? "")")
    return false
  }
}
