/// A short slice of a view that nobody waits for: it goes along in the transaction of the next group, which flushes once for both. If none
/// comes, it gets one of its own: when somebody waits, when the writer has been idle for a while, and when it stops.
package final class SliceRider: Sendable {
  let size: WriteSize
  /// False: it waits for more, and is put only when it must be.
  let goesAlong: Bool
  /// Answers whether it was put; an error leaves the group's other work as it is. May be called more than once.
  let put: @Sendable (borrowing any StoreWriter & ~Copyable, SetState) throws(StoreError) -> Bool
  /// Called on the writer's thread, before those are answered whose group it went with.
  let done: @Sendable (Result<Bool, StoreError>) -> Void

  package init(
    _ size: WriteSize, goesAlong: Bool = true,
    put: @escaping @Sendable (borrowing any StoreWriter & ~Copyable, SetState) throws(StoreError) -> Bool,
    done: @escaping @Sendable (Result<Bool, StoreError>) -> Void
  ) {
    (self.size, self.goesAlong, self.put, self.done) = (size, goesAlong, put, done)
  }
}

extension EventSet {
  /// Queues a rider.
  package func ride(_ rider: SliceRider) { writer.submit(rider) }

  /// Takes a rider back, whose `done` is not called then; false: it has gone.
  package func withdraw(_ rider: SliceRider) -> Bool { writer.withdraw(rider) }

  /// Sends the riders that wait, with or without a group.
  package func sendRiders() { writer.sendRiders() }

  /// Runs riders, each in a transaction of its own. On the writer's thread.
  func commit(_ riders: [SliceRider]) {
    for rider in riders {
      do throws(StoreError) { rider.done(.success(try commitSlice(rider.size, rider.put))) } catch { rider.done(.failure(error)) }
    }
  }
}
