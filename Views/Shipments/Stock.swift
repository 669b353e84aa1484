import ViewKit

/// How many pieces of each article are at each location: what was received, less what was picked, and corrections.
///
/// Events: `{"type":"received","location":"HAM","sku":"K1","quantity":10}`, `{"type":"picked","location":"HAM","sku":"K1","quantity":2}`,
/// `{"type":"corrected","location":"HAM","sku":"K1","quantity":-1}`. Row: `{"key":["HAM","K1"],"value":7}`. Below zero, some receipt is
/// still to come.
struct Stock: ReduceView {
  let name = "stock"
  /// A figure that was reported may change by a late event: it is kept which, and by which one.
  let restates = true

  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<Key<String, String>, Sum<Int>>) {
    switch event {
    case .scanned: return
    case .received(let goods), .corrected(let goods): emit(Key(goods.location, goods.sku), Sum(goods.quantity))
    case .picked(let goods): emit(Key(goods.location, goods.sku), Sum(-goods.quantity))
    }
  }
}
