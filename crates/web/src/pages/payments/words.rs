//! Payments in plain words: states, cards, and why something did not go through.

use bonded_connect::payments::{ChargeState, MethodState, PaymentMethod, RefundState};
use bonded_trade::invoices::InvoiceState;

/// How a charge stands.
pub(super) const fn of_charge(state: ChargeState) -> &'static str {
    match state {
        ChargeState::Due => "agreed",
        ChargeState::Processing => "on its way",
        ChargeState::RequiresAction => "waits for you",
        ChargeState::Succeeded => "paid",
        ChargeState::Failed => "failed",
        ChargeState::PartlyRefunded => "partly refunded",
        ChargeState::Refunded => "refunded",
    }
}

/// How an invoice stands.
pub(super) const fn of_invoice(state: InvoiceState) -> &'static str {
    match state {
        InvoiceState::Open => "open",
        InvoiceState::Paid => "paid",
        InvoiceState::PartlyRefunded => "partly refunded",
        InvoiceState::Refunded => "refunded",
    }
}

/// How a card stands.
pub(super) const fn of_method(state: MethodState) -> &'static str {
    match state {
        MethodState::SettingUp => "not entered yet",
        MethodState::Active => "can be charged",
        MethodState::Failed => "not set up",
        MethodState::Removed => "removed",
    }
}

/// How a refund stands.
pub(super) const fn of_refund(state: RefundState) -> &'static str {
    match state {
        RefundState::Due | RefundState::Pending => "on its way",
        RefundState::Succeeded => "done",
        RefundState::Failed => "failed",
    }
}

/// What people know a card by: `Visa ending in 4242`.
pub(super) fn card(method: &PaymentMethod) -> String {
    let (Some(brand), Some(last4)) = (&method.brand, &method.last4) else { return String::from("A card") };
    let mut letters = brand.chars();
    let brand: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    format!("{brand} ending in {last4}")
}

/// What a code means for whoever reads it. A lost or stolen card is told of as any other that its bank refuses, as Stripe
/// asks (`docs.stripe.com/declines/codes`).
pub(super) fn why(code: &str) -> String {
    let words = match code {
        "authentication_required" => "your bank wants to see you",
        "payment_intent_authentication_failure" | "setup_intent_authentication_failure" => {
            "your bank was not satisfied that it was you"
        }
        "card_declined"
        | "generic_decline"
        | "do_not_honor"
        | "no_action_taken"
        | "call_issuer"
        | "fraudulent"
        | "lost_card"
        | "stolen_card"
        | "pickup_card"
        | "restricted_card"
        | "security_violation"
        | "refused"
        | "revocation_of_authorization"
        | "merchant_blacklist"
        | "lost_or_stolen_card"
        | "declined" => "the bank refused the card and did not say why; ask the bank, or take another card",
        "insufficient_funds" => "the card has not enough money left",
        "expired_card" | "expired_or_canceled_card" => "the card is not valid any more",
        "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => "the card's limit is reached",
        "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_number"
        | "invalid_number"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "incorrect_zip" => "something about the card was entered wrongly; add it anew",
        "currency_not_supported" => "the card does not take this currency",
        "card_not_supported" | "transaction_not_allowed" | "not_permitted" | "service_not_allowed" => {
            "the card is not made for such payments"
        }
        "processing_error" | "try_again_later" | "issuer_not_available" | "reenter_transaction" | "approve_with_id" => {
            "the bank could not be asked just then; try again"
        }
        "payment_method_removed" | "resource_missing" | "gone" => "the card is not there any more",
        "amount_too_small" => "Stripe does not charge so little",
        "amount_too_large" => "Stripe does not charge so much at once",
        "account_invalid" | "transfers_not_allowed" => {
            "the supplier's account at Stripe cannot be paid; tell the supplier"
        }
        "not_as_agreed" => "Stripe has another amount than you agreed to; ask the operator of this platform",
        "canceled" => "it was called off",
        "charge_already_refunded" => "it went back already",
        "charge_disputed" | "charge_for_pending_refund_disputed" => "the payment is disputed at the bank",
        "balance_insufficient" | "insufficient_balance" => "there is not enough money at Stripe to give back",
        "not_opened" => "Stripe's page could not be opened; try again",
        "expired" => "no card was entered in time",
        other => return format!("Stripe says: {}", other.replace('_', " ")),
    };
    words.to_owned()
}
