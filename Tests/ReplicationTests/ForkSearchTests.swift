import Testing

@testable import Replication

@Suite struct `The search for where two logs agree` {
  @Test func `ends at a place before they differ, near it, after few questions`() {
    for n in 1...200 as ClosedRange<UInt64> {
      for common in 0..<n {
        var search = ForkSearch(n)
        var questions = 0
        while search.agreed == nil {
          questions += 1
          #expect(search.place > 0 && search.place < n)
          search.compared(agree: search.place <= common)
        }
        let agreed = search.agreed ?? n
        #expect(agreed <= common, "\(common) of \(n)")
        #expect(n - agreed <= 2 * (n - common), "\(common) of \(n)")
        #expect(questions <= 9)
      }
    }
  }
}
