//! The life of plans, typed as somebody would who comes from Alembic: the commands with their output, on a real server.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are configured by the environment"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a desk that can't be set fails the test"
)]

mod branches;
mod by_hand;
mod casts;
mod contents;
mod drafts;
mod drift;
mod encodings;
mod faults;
mod filling;
mod found;
mod halfway;
mod hazards;
mod poolers;
mod rights;
mod rollback;
mod rows;
mod scripts;
mod session;
mod signed;
mod texts;

use std::{
    process::{Child, ExitCode, Stdio},
    time::Duration,
};

use support::desk::{self, Desk};

/// Begins `forge apply`, which waits for a lock on this table when it returns.
async fn until_it_waits_for_a_lock(desk: &Desk<'_>, table: &str) -> Child {
    let mut command = desk.environment.command(&["apply"]);
    let mut running = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Locks are not told from a transaction's snapshot, as activity is.
    let waiting =
        format!("SELECT FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted");
    let client = desk.database.session().client();
    while client.query(&waiting, &[]).await.unwrap().is_empty() {
        assert!(
            running.try_wait().unwrap().is_none(),
            "it waits for nothing"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running
}

fn main() -> ExitCode {
    desk::run(support::trials![
        session::a_session_as_an_alembic_user_types_it,
        branches::branches_meet_in_every_form,
        branches::a_merge_is_what_apply_takes,
        session::a_disposable_database_needs_no_plan,
        scripts::a_script_does_what_forge_does,
        drafts::edited_drafts_are_proved_again,
        hazards::what_a_step_meets_is_approved_by_name,
        hazards::apply_looks_again_at_what_a_step_meets,
        hazards::apply_looks_again_at_definitions_by_hand,
        hazards::preflight_knows_what_earlier_plans_make,
        hazards::a_merge_looks_at_what_a_step_meets,
        faults::lost_files_have_a_way_out,
        faults::an_assertion_of_the_tree_fails_where_it_raises,
        faults::bad_input_is_told_and_changes_nothing,
        faults::what_a_server_is_too_old_for_is_told,
        faults::what_stopped_half_way_goes_on,
        faults::an_edit_that_changes_nothing_is_accepted,
        drift::drift_is_taken_back_or_adopted,
        found::what_failed_is_told_and_not_planned,
        rights::preflight_knows_what_apply_needs,
        rights::a_role_that_is_missing_is_told_before_the_first_step,
        rights::printed_grants_are_enough,
        rights::who_keeps_the_catalog_from_being_read_is_told,
        found::privileges_of_the_role_that_connects_stay,
        found::what_event_triggers_add_is_no_change,
        drift::drift_is_told_until_it_is_settled,
        drift::drift_under_a_plan_that_stopped_half_way,
        by_hand::a_plan_is_ended_where_the_database_stands,
        by_hand::what_somebody_changes_by_hand_leaves_a_way_out,
        halfway::psql_leaves_the_undo_steps_out,
        halfway::a_check_that_rows_break_has_ways_out,
        halfway::what_somebody_has_undone_runs_again,
        halfway::what_somebody_has_done_is_not_run_again,
        halfway::an_invalid_index_is_in_nobodys_way,
        halfway::rows_that_a_backfill_wrote_stay,
        halfway::rows_that_stay_are_named_by_an_abort_that_goes_on,
        halfway::a_column_that_is_added_and_filled_needs_an_approval_to_go,
        halfway::a_step_whose_end_nobody_recorded_is_seen,
        halfway::behind_the_last_step_no_step_is_named,
        halfway::an_abort_that_stops_goes_on,
        halfway::drift_speaks_of_the_revision_before_one_that_was_undone,
        halfway::whoever_stops_a_wait_for_a_lock_is_told_of_an_interruption,
        halfway::status_takes_no_lock,
        halfway::a_run_that_was_killed_is_not_told_as_one_that_failed,
        halfway::a_result_that_differs_is_named_until_it_does_not,
        halfway::a_difference_ends_with_what_is_managed,
        halfway::a_command_that_follows_an_apply_is_run_until_it_succeeds,
        filling::a_null_written_while_a_fill_runs_is_filled,
        filling::a_null_written_before_an_apply_is_killed_is_filled_by_the_next,
        rows::rows_in_the_way_are_found_before_the_first_step,
        rows::rows_that_the_plan_itself_mends_are_no_obstacle,
        rows::rows_in_the_way_of_the_rest_are_found_before_it_goes_on,
        rows::rows_are_found_under_names_that_the_plan_changes,
        rows::rows_that_a_backfill_leaves_in_the_way_are_found,
        rows::rows_that_refer_to_none_are_found,
        rows::references_of_a_type_with_an_equality_of_its_own_are_no_orphans,
        rows::rows_that_a_cast_rejects_are_found,
        rows::values_of_composite_types_are_looked_at_as_not_null_does,
        rows::values_of_new_columns_that_their_domains_reject_are_found,
        rows::rows_that_exclude_each_other_are_found,
        rows::values_that_break_constraints_of_before_are_found,
        rows::values_of_domains_over_composite_types_are_no_null,
        rows::rows_that_cannot_be_looked_at_are_told,
        rows::positions_of_sequences_outside_of_new_limits_are_found,
        rows::rows_outside_of_the_new_bounds_of_partitions_are_found,
        rows::rows_written_behind_a_backfill_are_filled_too,
        texts::a_step_does_not_change_how_the_next_is_read,
        poolers::what_only_reads_works_behind_any_pooler,
        poolers::what_takes_locks_is_refused_behind_a_pooler_that_shares_processes,
        poolers::a_pooler_that_answers_no_more_is_noticed,
        poolers::everything_works_behind_a_pooler_that_keeps_its_processes,
        scripts::a_stamp_is_a_script_too,
        scripts::text_is_no_command_of_psql,
        rollback::a_downgrade_names_what_it_does_not_restore,
        rollback::a_rollback_plan_refuses_what_a_downgrade_refuses,
        rollback::a_rollback_plan_finds_what_is_in_the_way_of_a_downgrade,
        rollback::a_rollback_plan_finds_the_rows_in_the_way,
        signed::a_plan_without_a_signature_is_not_applied,
        signed::another_way_back_is_not_applied,
        drafts::a_step_is_called_safe_by_forge_alone,
        drafts::a_draft_keeps_what_forge_wrote_into_it,
        drafts::a_plan_of_a_part,
        drafts::plan_files_have_a_header,
        drafts::an_owner_that_the_tree_names_is_meant,
        drift::what_no_kind_models_stands_beside,
        drift::privileges_on_what_is_not_the_trees_are_told,
        texts::hostile_names_and_texts_stay_what_they_are,
        texts::a_name_breaks_out_of_nothing,
        texts::line_ends_that_git_converted_are_told,
        casts::what_a_cast_takes_from_values_is_told,
        contents::a_narrower_type_takes_nothing_from_values_unasked,
        contents::materialized_views_hold_rows_again,
        contents::no_number_is_given_out_twice,
        texts::trees_of_hostile_names_are_written_and_adopted,
        texts::a_difference_of_line_ends_is_told_once,
        drift::adopting_changes_only_what_has_changed,
        drift::comments_stay_where_a_statement_is_written_anew,
        encodings::the_shadow_has_the_encoding_and_the_locale_of_the_target,
        encodings::text_that_the_target_cannot_store_is_told,
        contents::a_partition_made_after_the_plan_is_told_before_its_first_step,
        contents::what_is_declared_on_a_table_reaches_unmanaged_partitions,
        contents::what_is_declared_on_a_renamed_table_reaches_unmanaged_partitions,
        contents::a_partition_made_while_a_plan_runs_ends_it_before_an_index_is_incomplete,
        contents::a_plan_is_undone_where_partitions_came_and_went,
        contents::a_plan_goes_on_where_partitions_went,
        contents::an_index_is_undone_where_a_partition_went,
        contents::a_partition_that_came_ends_a_plan_before_an_index_is_incomplete,
    ])
}

/// What the project has from the start.
const FILES: &[(&str, &str)] = &[
    ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
    (
        "schema/app.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigint PRIMARY KEY, name text NOT NULL);\n",
    ),
];
