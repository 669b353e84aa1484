import NIOCore
import Synchronization

/// Brings what other threads have done to an event loop, many things with one wake-up: a group commit answers all its requests at once.
/// The mutex owns the list.
final class Mailbox: Sendable {
  private let loop: any EventLoop
  private let waiting = Mutex<[@Sendable () -> Void]>([])

  init(_ loop: any EventLoop) { self.loop = loop }

  /// Runs `work` on the event loop, after what was put here before.
  func execute(_ work: @escaping @Sendable () -> Void) {
    let isFirst = waiting.withLock { waiting in
      waiting.append(work)
      return waiting.count == 1
    }
    if isFirst { loop.execute { self.drain() } }
  }

  private func drain() {
    let all = waiting.withLock { waiting in
      let all = waiting
      waiting = []
      return all
    }
    for work in all { work() }
  }
}

/// The mailboxes of a server's event loops. The mutex owns the table.
final class Mailboxes: Sendable {
  private let table = Mutex<[ObjectIdentifier: Mailbox]>([:])

  /// The mailbox of a loop; one for each.
  func mailbox(of loop: any EventLoop) -> Mailbox {
    table.withLock { table in
      let key = ObjectIdentifier(loop)
      if let mailbox = table[key] { return mailbox }
      let mailbox = Mailbox(loop)
      table[key] = mailbox
      return mailbox
    }
  }
}
