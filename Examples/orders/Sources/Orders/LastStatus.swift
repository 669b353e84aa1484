import ViewKit

/// Each order's status, after the last thing that happened to it, whatever arrived last.
struct LastStatus: ReduceView {
  let name = "last-status"

  func map(_ event: OrderEvent, _ when: Happened, emit: inout Emit<String, Last<String>>) {
    switch event {
    case .placed(let order): emit(order.order, Last("placed", when))
    case .cancelled(let order): emit(order.order, Last("cancelled", when))
    }
  }

  func finish(_ last: Last<String>, _ order: String?) -> String? { last.value }
}
