//! What every engine must do, told as stories that run on each of them.
//!
//! A story gets an empty engine. PostgreSQL's are skipped, and say so, where no server is installed.

#![cfg(test)]

mod concurrency;
mod cursors;
mod lists;
mod log;
mod lookups;
mod model;
mod network;
mod postgres;
mod random;
mod rows;
mod sqlite;
mod writes;

/// Makes two tests of each story.
macro_rules! stories {
    ($($chapter:ident { $($story:ident),* $(,)? })*) => {
        mod on_sqlite {$(
            mod $chapter {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    let home = crate::sqlite::home();
                    crate::$chapter::$story(&home.engine).await;
                }
            )*}
        )*}

        mod on_postgres {$(
            mod $chapter {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    let Some(home) = crate::postgres::home().await else { return };
                    crate::$chapter::$story(&home.engine).await;
                }
            )*}
        )*}
    };
}

stories! {
    writes {
        a_record_is_born_changed_and_removed,
        an_id_that_exists_cannot_be_born_again,
        what_is_not_there_cannot_be_changed_or_removed,
        a_conflict_leaves_nothing_and_holds_nobody_back,
        a_refusal_at_the_last_write_undoes_the_first,
        a_batch_may_touch_one_record_many_times,
        a_commit_may_touch_one_record_many_times,
        a_record_may_go_and_come_again_in_one_batch,
        consumer_fields_stay_where_an_update_names_none,
        the_moment_of_sorting_never_changes,
        an_entry_may_be_without_a_record,
        a_commit_without_writes_leaves_nothing,
        an_empty_batch_is_no_error,
        a_large_value_stays_whole,
        refusals_among_a_thousand_births_hold_nobody_back,
        ten_thousand_writes_go_in_one_batch,
    }
    lookups {
        a_taken_lookup_refuses_the_whole_commit,
        a_lookup_may_be_said_again_by_its_own_record,
        a_lookup_goes_with_its_removal,
        lookups_move_between_records_in_one_commit,
        a_batch_sees_the_lookups_of_the_commits_before,
        a_taken_lookup_is_told_before_a_conflict,
        two_records_of_one_commit_cannot_share_a_lookup,
        answers_come_in_the_order_of_the_questions,
    }
    lists {
        a_kind_is_listed_by_birth,
        a_parent_s_children_are_listed,
        a_state_is_listed_by_time_then_id,
        pages_end_between_rows_of_one_moment,
        lists_follow_what_changes,
    }
    log {
        entries_are_read_in_order,
        leaves_are_read_alone,
        accounts_do_not_see_each_other,
        an_account_without_entries_has_no_log,
        a_commit_wakes_whoever_listens,
    }
    cursors {
        a_lease_is_held_by_one_node,
        a_lapsed_lease_changes_hands_and_its_fence_rises,
        an_old_fence_moves_nothing,
        a_cursor_never_goes_back,
        tiles_are_stored_with_the_cursor,
        accounts_that_are_behind_are_found,
        the_head_is_nobody_s_cursor,
        reading_does_not_disturb_writing,
    }
    concurrency {
        writers_leave_no_gap,
        one_of_many_takes_a_lookup,
        one_of_many_changes_a_version,
        questions_asked_at_once_get_their_own_answers,
        readers_never_see_half_a_commit,
        a_caller_who_gives_up_leaves_no_trace_of_a_transaction,
    }
}
