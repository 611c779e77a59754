-- Which of these roles the server doesn't have.
SELECT n.name AS role
FROM jsonb_array_elements_text(current_setting('forge.named_roles')::jsonb) AS n (name)
WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = n.name)
ORDER BY role
