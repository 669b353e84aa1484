import EventStore
import Synchronization

/// Pages between the task that pulls and the one that pushes, so that one goes to disk while the next arrives. Bounded: who pulls too fast
/// waits. The mutex owns the pages; continuations are resumed outside of it.
final class PageQueue: Sendable {
  private struct State {
    var pages: [RecordPage] = []
    var bytes = 0
    var ended = false
    var abandoned = false
    var putting: CheckedContinuation<Void, Never>?
    var taking: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())
  private let bytesMax: Int

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Adds a page, and waits while too much is there. One task calls it.
  /// - Returns: false if nobody takes pages any more.
  func put(_ page: RecordPage) async -> Bool {
    let taking = state.withLock { state in
      state.pages.append(page)
      state.bytes += page.bytes.count
      defer { state.taking = nil }
      return state.taking
    }
    taking?.resume()
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        if state.bytes < bytesMax || state.abandoned { return true }
        state.putting = continuation
        return false
      }
      if goesOn { continuation.resume() }
    }
    return state.withLock { !$0.abandoned }
  }

  /// Takes all that is there, or waits for the next page. One task calls it.
  /// - Returns: nil behind the last page.
  func take() async -> [RecordPage]? {
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        if !state.pages.isEmpty || state.ended { return true }
        state.taking = continuation
        return false
      }
      if goesOn { continuation.resume() }
    }
    let (pages, putting) = state.withLock { state in
      defer { (state.pages, state.bytes, state.putting) = ([], 0, nil) }
      return (state.pages, state.putting)
    }
    putting?.resume()
    return pages.isEmpty ? nil : pages
  }

  /// No page comes after this.
  func end() {
    let taking = state.withLock { state in
      state.ended = true
      defer { state.taking = nil }
      return state.taking
    }
    taking?.resume()
  }

  /// No page is taken after this.
  func abandon() {
    let putting = state.withLock { state in
      state.abandoned = true
      defer { state.putting = nil }
      return state.putting
    }
    putting?.resume()
  }
}
