import ViewKit

/// What each customer has ordered, in cents.
struct TurnoverByCustomer: ReduceView {
  let name = "turnover-by-customer"

  func map(_ event: OrderEvent, _ when: Happened, emit: inout Emit<String, Sum<Int>>) {
    if case .placed(let order) = event { emit(order.customer, Sum(order.cents)) }
  }
}
