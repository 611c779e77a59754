CREATE FUNCTION app.search_products(query text, max_results integer DEFAULT 20) RETURNS SETOF app.products
    LANGUAGE sql STABLE
    AS $$
    SELECT product.*
    FROM app.products AS product,
         websearch_to_tsquery('english', query) AS words
    WHERE product.search @@ words
      AND product.published
    ORDER BY ts_rank(product.search, words) DESC, product.id
    LIMIT max_results
$$;

COMMENT ON FUNCTION app.search_products(text, integer) IS 'Published products that match, best first';
